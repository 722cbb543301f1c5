import type { ServerFrame } from './server-frame.ts';

/** The presence frames of one client. */
export class Attendance {
  /** The last count, pushed or requested; undefined before the first. */
  online: number | undefined;
  readonly rooms = new Map<string, number>();
  /** The number of `member` frames, by `room user action`. */
  readonly members = new Map<string, number>();

  frame(frame: ServerFrame): void {
    switch (frame.type) {
      case 'online':
        this.online = frame.count;
        break;
      case 'welcome':
        this.online = frame.online;
        break;
      case 'room_online':
      case 'joined':
        this.rooms.set(frame.room ?? '', frame.count ?? Number.NaN);
        break;
      case 'member': {
        const key = `${frame.room} ${frame.user?.id} ${frame.action}`;
        this.members.set(key, (this.members.get(key) ?? 0) + 1);
        break;
      }
      default:
    }
  }
}
