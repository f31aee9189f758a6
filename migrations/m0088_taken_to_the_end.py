"""What has been given out is taken to its end, also past the day until which the prescription could be filled."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-30T10:88:00"
VERSION = "1.38.0"
DESCRIPTION = "active medicines"

# As in migration m0082, but for how long a filled one counts: validity says until when something can be given out, not
# until when it lasts. All fills lie one after another, and the last one lasts from the day on which it was given out.
SQL = """
CREATE OR REPLACE FUNCTION active_medicines(patient uuid)
RETURNS TABLE (prescription_id uuid, drug_name text, active_ingredient text, issued_at timestamptz, valid_until timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    RETURN QUERY SELECT p.id, i.drug_name, i.active_ingredient, p.issued_at, p.valid_until
    FROM prescription p JOIN prescription_item i ON i.prescription_id = p.id
    WHERE p.patient_id = patient
        AND CASE p.status WHEN 'FILLED' THEN greatest(
                p.issued_at + make_interval(days => i.duration_days * (1 + i.refills_allowed)),
                (SELECT max(d.at) FROM dispense_line l JOIN dispense d ON d.id = l.dispense_id
                 WHERE l.prescription_item_id = i.id AND d.undone_at IS NULL) + make_interval(days => i.duration_days)
            ) > clock_timestamp()
            ELSE p.status IN ('ACTIVE', 'PARTIALLY_FILLED') AND p.valid_until > clock_timestamp() END
        AND EXISTS (SELECT FROM appointment a WHERE a.patient_id = patient AND a.doctor_id = app_actor())
    ORDER BY p.issued_at DESC, i.position;
    now_as := set_config('app.role', before, true);
END $$;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
