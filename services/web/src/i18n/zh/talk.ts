import type { talk as en } from '../en/talk.ts';

export const talk: typeof en = {
  messages: '消息记录',
  message: '消息',
  placeholder: '输入消息',
  send: '发送',
  you: '我',
  earlier: '更早的消息',
  gap: '此前的部分消息可能缺失。',
  today: '今天',
  yesterday: '昨天',
  pending: '发送中……',
  failed: '未发送。',
  retry: '重试',
  tooLong: '太长，无法发送。',
  left: (count: number) => (count < 0 ? `超出 ${-count} 个字符` : `还可输入 ${count} 个字符`),
  typing: (name: string) => `${name} 正在输入……`,
};
