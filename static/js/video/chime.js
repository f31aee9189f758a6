// The `chime` provider: the same room over a meeting of the Amazon Chime SDK, which finds and mends its own connections.
// It answers to the same calls and tells the same things as peer.js.
import { Gauge } from "./quality.js";

const TOPIC = "words", KEPT = 1000;

export class Chime extends EventTarget {
  #sdk; #session; #me; #gauge = new Gauge(); #tracks = { audio: null, video: null, screen: null }; #level = 0; #tile = {}; #connected = false;

  constructor(sdk, join) {
    super();
    this.#sdk = sdk;
    this.#me = join.attendee.attendee_id;
    const logger = new sdk.ConsoleLogger("chime", sdk.LogLevel.OFF);
    const configuration = new sdk.MeetingSessionConfiguration(meeting(join), attendee(join));
    const devices = new sdk.DefaultDeviceController(logger);
    this.#session = new sdk.DefaultMeetingSession(configuration, logger, devices);
  }

  get connected() { return this.#connected; }

  async start() {
    const av = this.#session.audioVideo;
    av.addObserver(this.#observer());
    av.realtimeSubscribeToAttendeeIdPresence((id, present) => this.#present(id, present));
    av.realtimeSubscribeToReceiveDataMessage(TOPIC, (message) => {
      if (message.senderAttendeeId === this.#me) return;
      try { this.#tell("word", message.json()); } catch { /* not ours */ }
    });
    this.#session.contentShare?.addContentShareObserver?.({});
    await this.set("audio", this.#tracks.audio);
    av.start();
    await this.set("video", this.#tracks.video);
  }

  sound(element) { return this.#session.audioVideo.bindAudioElement(element); }
  speaker(id) { return this.#session.audioVideo.chooseAudioOutput(id || null); }
  arrived() {}
  hear() {}
  revive() {}
  gone() { this.#tell("line", "gone"); }

  async set(kind, track) {
    const av = this.#session.audioVideo;
    const changed = this.#tracks[kind] !== track;
    this.#tracks[kind] = track;
    if (kind === "screen") return track ? av.startContentShare(new MediaStream([track])) : changed && av.stopContentShare();
    if (kind === "audio") return this.#voice();
    if (track && this.#level <= 1) {
      av.setVideoMaxBandwidthKbps(this.#level ? 150 : 1200);
      await av.startVideoInput(new MediaStream([track]));
      av.startLocalVideoTile();
    } else { av.stopLocalVideoTile(); await av.stopVideoInput(); }
  }

  async level(level) {
    const before = this.#level;
    this.#level = level;
    if (Math.min(before, 2) !== Math.min(level, 2)) await this.set("video", this.#tracks.video);
    await this.#voice();
  }

  say(word) {
    if (!this.#connected) return false;
    this.#session.audioVideo.realtimeSendDataMessage(TOPIC, word, KEPT);
    return true;
  }

  stop() {
    this.#session.audioVideo.stop();
    this.#session.audioVideo.unbindAudioElement();
    this.#session.destroy().catch(() => {});
  }

  #tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  async #voice() {
    const av = this.#session.audioVideo;
    if (this.#tracks.audio) await av.startAudioInput(new MediaStream([this.#tracks.audio]));
    if (this.#level === 3) av.realtimeMuteLocalAudio();
    else av.realtimeUnmuteLocalAudio();
  }

  #present(id, present) {
    if (id.startsWith(this.#me)) return; // our own screen is an attendee too
    if (!id.includes("#")) this.#tell("line", present ? "connected" : "gone");
    if (present) this.#tell("open");
  }

  #observer() {
    return {
      audioVideoDidStartConnecting: (again) => { this.#connected = false; if (again) this.#tell("line", "lost"); },
      audioVideoDidStart: () => { this.#connected = true; this.#tell("joined"); },
      audioVideoDidStop: (status) => { this.#connected = false; this.#tell("line", status.isTerminal?.() ? "stopped" : "lost"); },
      metricsDidReceive: (report) => this.#tell("sample", this.#gauge.read(report.rtcStatsReport, Boolean(this.#tracks.video))),
      videoTileDidUpdate: (tile) => this.#seen(tile),
      videoTileWasRemoved: (id) => { for (const kind in this.#tile) if (this.#tile[kind]?.id === id) { this.#tile[kind] = null; this.#show(); } },
    };
  }

  #seen({ tileId, localTile, isContent, boundAttendeeId, boundVideoStream }) {
    if (localTile || !boundAttendeeId || boundAttendeeId.startsWith(this.#me)) return;
    this.#tile[isContent ? "screen" : "media"] = boundVideoStream ? { id: tileId, stream: boundVideoStream } : null;
    this.#show();
  }

  #show() { this.#tell("other", { media: this.#tile.media?.stream ?? null, screen: this.#tile.screen?.stream ?? null }); }
}

function meeting(join) {
  const at = join.media_placement;
  return {
    MeetingId: join.meeting_id, ExternalMeetingId: join.external_meeting_id, MediaRegion: join.media_region,
    MediaPlacement: {
      AudioHostUrl: at.audio_host_url, AudioFallbackUrl: at.audio_fallback_url, SignalingUrl: at.signaling_url, TurnControlUrl: at.turn_control_url,
      ScreenDataUrl: at.screen_data_url, ScreenViewingUrl: at.screen_viewing_url, ScreenSharingUrl: at.screen_sharing_url,
    },
  };
}

function attendee(join) {
  return { AttendeeId: join.attendee.attendee_id, ExternalUserId: join.attendee.attendee_id, JoinToken: join.attendee.attendee_token };
}
