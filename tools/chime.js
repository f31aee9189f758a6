// What the video room needs of the Chime SDK; tools/vendor.mjs bundles it into one file.
export {
  DefaultDeviceController,
  DefaultMeetingSession,
  LogLevel,
  ConsoleLogger,
  MeetingSessionConfiguration,
} from "amazon-chime-sdk-js";
