import type { ServerFrame } from './server-frame.ts';

/** What one client was told of who is here. */
export class Attendance {
  /** The last count pushed or asked for; undefined before any. */
  online: number | undefined;
  readonly rooms = new Map<string, number>();
  /** `member` frames: `room user action` to how often. */
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
