import { SETTING_WARNINGS } from '#libs/protocol/setting-warnings.ts';
import type { Language } from './languages.ts';

/** A sentence for each warning about settings. */
type WarningTexts = typeof SETTING_WARNINGS;

// biome-ignore format: a sentence a line
const zh: WarningTexts = {
  secretGuessable: () => 'JWT_SECRET 可以被猜到：猜到的人能冒充任何用户。只应在自己的电脑上试用时使用。',
  secretWeak: () => 'JWT_SECRET 的随机性太低：猜到的人能冒充任何用户。请使用 32 个随机字节，例如用 openssl rand -base64 32 生成。',
  secretMissing: () => '设置了 REDIS_URL，但没有设置 JWT_SECRET：其他机器会拒绝本机签发的令牌。',
  keysWeak: (services) => `API_KEYS 中这些服务的密钥随机性太低：${services}。请各用 32 个随机字节，例如用 openssl rand -hex 32 生成。`,
  keysShared: (services) => `API_KEYS 中几个服务共用一个密钥：${services}。系统无法区分它们，请为每个服务设置自己的密钥。`,
  keysReused: (services) => `API_KEYS 中 ${services} 的密钥也是本系统的其他密钥。请分别设置。`,
  adminPasswordWeak: () => 'ADMIN_PASSWORD 的随机性太低：猜到的人能登出和封禁任何用户。请使用随机密码。',
  adminPasswordReused: () => 'ADMIN_PASSWORD 也是本系统的其他密钥。请分别设置。',
  publicUrlPlain: () => 'PUBLIC_URL 是 http：网络上的人能读到密码、令牌和消息。请在前面启用 TLS，并改为 https。',
  originsPlain: (origins) => `ALLOWED_ORIGINS 中有 http 页面：${origins}。网络上的攻击者能篡改这些页面，冒充其访客。请改为 https。`,
  originsAny: () => 'ALLOWED_ORIGINS 是 *：任何页面都能连接。请写明允许的页面。',
  redisPlain: (hosts) => `REDIS_URL 连接其他机器（${hosts}）时没有 TLS：网络上的人能读到消息和密码。请改为 rediss。`,
  databasePlain: (hosts) => `DATABASE_URL 连接其他机器（${hosts}）时没有 TLS：网络上的人能读到账号和消息。请加上 ?sslmode=verify-full。`,
  adminPortOpen: (host, pages) =>
    `ADMIN_PORT 没有密码就对其他机器开放（${host === '' ? '未设置 ADMIN_HOST' : `ADMIN_HOST 是 ${host}`}）：能访问它的人都能读到健康状态和指标。请放在内网，或把 ADMIN_HOST 设为 127.0.0.1${pages === '' ? '' : '，并设置 ADMIN_PASSWORD'}。`,
  failPoints: () => '设置了 FAIL_POINTS：本进程会终止或冻结自己。只用于测试。',
  fsyncOff: () => 'PostgreSQL 的 fsync = off：机器崩溃时，已确认的消息会丢失，数据库也可能损坏。请设置 fsync = on。',
  fullPageWritesOff: () => 'PostgreSQL 的 full_page_writes = off：崩溃时写坏的页面无法恢复，其中已确认的消息会丢失。请设置 full_page_writes = on。',
  synchronousCommitOff: () => 'PostgreSQL 的 synchronous_commit = off：崩溃时，刚刚确认的消息会丢失。请为这个用户和数据库设置 synchronous_commit = on。',
  redisEvicts: () => 'Redis 的 maxmemory-policy 会淘汰数据：在限制其内存之前，请设为 noeviction。',
};

/**
 * The warnings about settings, in each language. The admin page alone has them: they are no part of
 * the texts that every page loads.
 */
export const WARNINGS: Readonly<Record<Language, WarningTexts>> = { en: SETTING_WARNINGS, zh };
