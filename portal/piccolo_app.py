"""The single Piccolo app: one linear history of migrations for all domains."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

TABLE_MODULES = [
    "portal.accounts.tables",
    "portal.people.tables",
    "portal.clinics.tables",
    "portal.search.tables",
    "portal.audit.tables",
    "portal.notifications.tables",
    "portal.walls.tables",
    "portal.schedules.tables",
    "portal.slots.tables",
    "portal.appointments.tables",
    "portal.referrals.tables",
    "portal.waitlist.tables",
    "portal.repairs.tables",
    "portal.video.tables",
    "portal.emergencies.tables",
    "portal.queues.tables",
    "portal.chat.tables",
    "portal.visits.tables",
    "portal.recordings.tables",
    "portal.catalogue.tables",
    "portal.inventory.tables",
    "portal.stocktakes.tables",
    "portal.prescriptions.tables",
    "portal.dispensing.tables",
    "portal.operation.tables",
]

APP_CONFIG = AppConfig(
    app_name="portal",
    migrations_folder_path=str(Path(__file__).parent.parent / "migrations"),
    table_classes=table_finder(modules=TABLE_MODULES),
    migration_dependencies=[],
    commands=[],
)
