/** How errors and documents write the members of a frame: `{room,since?:{epoch,offset}}`. */
import type { Members, MemberType } from './member-types.ts';

/** The members of an object in short. Objects inside it are written out `depth` levels deep, but for people (F8). */
export function notation(members: Members, depth = 0): string {
  return `{${Object.entries(members)
    .map(([name, type]) => `${name}${type.optional === true ? '?' : ''}${inside(type, depth)}`)
    .join()}}`;
}

function inside(type: MemberType, depth: number): string {
  if (type.type === 'const') return `:${JSON.stringify(type.value)}`;
  if (depth === 0) return '';
  if (type.type === 'object') return type.name === 'Person' ? '' : `:${notation(type.members, depth - 1)}`;
  const items = type.type === 'array' ? inside(type.items, depth) : '';
  return items === '' ? '' : `:[${items.slice(1)}]`;
}
