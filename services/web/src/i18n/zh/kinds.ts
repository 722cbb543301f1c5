import type { kinds as en } from '../en/kinds.ts';

export const kinds: typeof en = {
  guest: '访客',
  customer: '客户',
  agent: '客服',
  service: '服务程序',
  moderator: '管理员',
};
