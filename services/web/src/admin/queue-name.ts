import type { Text } from '../i18n/languages.ts';

/** What people call a queue; one the page does not know keeps its own name. */
export function queueName({ queues: { names } }: Text<'admin'>, queue: string): string {
  return Object.hasOwn(names, queue) ? names[queue as keyof typeof names] : queue;
}
