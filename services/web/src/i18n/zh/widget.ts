import type { Text } from '../texts.ts';
import { kinds } from './kinds.ts';
import { talk } from './talk.ts';

export const widget: Text<'widget'> = {
  title: '联系我们',
  close: '关闭聊天',
  loading: '请稍候……',
  hello: '您好！请告诉我们您的称呼，马上会有人与您联系。',
  name: '您的称呼',
  begin: '开始聊天',
  nameInvalid: '称呼为 1 至 21 个可见字符，不混用不同文字，不能包含 @。',
  slowDown: '操作太频繁，请稍后再试。',
  unreachable: '暂时无法连接。',
  again: '重试',
  ask: '请问有什么可以帮您？',
  queued: '现在没有空闲的客服。您可以先留言，客服上线后会第一时间看到。',
  assigned: (name: string) => `${name} 正在为您服务。`,
  ended: '本次会话已结束。',
  writeAgain: '再次发送消息即可开始新的会话。',
  end: '结束',
  endSure: '要结束会话吗？',
  yes: '结束',
  no: '继续',
  reconnecting: '连接已断开，正在重新连接……',
  offline: '您已离线。您写的内容会在恢复连接后发送。',
  refused: '当前页面无法使用聊天。',
  opening: '正在联系客服……',
  talk,
  kinds,
};
