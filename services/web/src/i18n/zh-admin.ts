import type { Texts } from './en.ts';

/** The tags beside names. */
// biome-ignore format: related words share a line
export const kinds: Texts['kinds'] = { guest: '访客', customer: '客户', agent: '客服', service: '服务程序', moderator: '管理员' };

/** The admin page. */
// biome-ignore format: related words share a line
export const adminZh: Texts['admin'] = {
  title: '系统概览', brand: 'Parley', badge: '管理',
  version: (version) => `版本 ${version}`,
  board: '队列面板', dashboards: '监控面板', elsewhere: '在新标签页中打开',

  verdict: { unknown: '正在查看……', well: '一切正常', warn: '需要留意', bad: '出现故障' },
  tab: { unknown: '…', well: '✓', warn: '!', bad: '✗' },
  nothingElse: '所有网关都在服务，队列畅通，Redis 和 PostgreSQL 均有响应。',
  nothingElseAlone: '网关正在服务，队列畅通，PostgreSQL 有响应。',
  asOf: (time) => `截至 ${time}`,
  every: '每 2 秒刷新一次',
  findings: {
    noAnswer: '系统没有响应。以下显示的是旧数据。', slow: '系统响应缓慢。',
    refused: (why) => `系统拒绝应答：${why}`,
    redisDown: 'Redis 没有响应：网关之间无法传递消息，用户可能会断线。',
    databaseDown: 'PostgreSQL 没有响应：保留聊天记录的房间无法收发消息，也没有人能登录。',
    noGateway: '没有正在服务的网关：没有人能连接。',
    lost: (nodes) => `突然失联：${nodes}`,
    gone: (nodes) => `已失联超过一分钟，其他网关照常服务：${nodes}`,
    draining: (nodes) => `正在下线：${nodes}。用户正被转移到其他网关。`,
    lag: (node, lag) => `${node} 访问 Redis 缓慢：${lag}`,
    queue: (queue, age) => `队列“${queue}”停滞：最早的任务已等待 ${age}`,
    failed: (queue, count) => `队列“${queue}”：${count} 个任务失败，保留待查`,
    versions: (versions) => `网关版本不一致：${versions}`,
    setting: (warning) => `建议修改的设置：${warning}`,
    keySet: (host, problem, last) =>
      `无法获取 ${host} 的登录密钥：${problem}。${last === undefined ? '尚无任何密钥，其令牌会被拒绝。' : `上次获取于 ${last}，用更新的密钥签名的令牌会被拒绝。`}`,
  },

  tiles: {
    label: '数字', online: '在线人数', connections: '连接数', messages: '每秒消息数',
    gateways: '服务中的网关', redis: 'Redis', database: 'PostgreSQL',
  },
  up: '有响应', down: '没有响应', none: '未使用', unknown: '–',

  nodes: {
    title: '网关', node: '网关', state: '状态',
    states: { serving: '服务中', draining: '正在下线', lost: '失联' },
    version: '版本', uptime: '已运行', connections: '连接数', messages: '消息/秒',
    lag: 'Redis 延迟', empty: '没有网关上报状态。',
    silent: (length) => `已静默 ${length}`,
    started: '启动于', heard: '最近上报', users: '用户', rooms: '房间',
    ago: (length) => `${length}前`,
    of: (count, limit) => (limit === undefined ? count : `${count} / ${limit}`),
    ack: '确认耗时 (p99)', delivery: '送达耗时 (p99)', loop: '事件循环延迟 (p99)',
    drains: '不再接受新连接，正把用户转移到其他网关。',
    lostHint: '这是它最后上报的数据，用户正在连接其他网关。',
    absent: '没有这个网关的上报：它已正常停止，或静默超过十分钟。',
    limits: '上限', noLimit: '无',
    limitNames: {
      connections: '连接数', connectionsPerUser: '每个用户的连接数', connectionsPerAddress: '每个地址的连接数',
      roomsPerConnection: '每个连接的房间数', framesPerSecond: '每个连接每秒的帧数', messageChars: '每条消息的字符数',
      drainSeconds: '下线最长用时',
    },
  },
  charts: {
    title: '最近几小时', span: '显示时段', legend: '网关',
    hours: (count) => `最近 ${count} 小时`,
    sources: { prometheus: '数据来自 Prometheus。', own: '数据由本程序采样，最多保留两小时。' },
    problem: (why) => `暂时代替 Prometheus：${why}`,
    names: {
      connections: '连接数', messages: '每秒消息数', ack: '确认耗时 (p99)', delivery: '送达耗时 (p99)',
      redisLag: 'Redis 延迟',
    },
    nothing: '–', soon: '半分钟后开始绘制。',
  },
  rooms: {
    title: '人数最多的房间', room: '房间', people: '人数', empty: '房间里都没有人。',
    name: '名称', keeps: '保留', inside: '当前人数', members: '成员', created: '创建于', expires: '到期于',
    closed: '结束于', last: '最后一条消息', noMessage: '没有保留的消息',
    lastAt: (when, offset) => `${when}，序号 ${offset}`,
    retentions: { none: '不保留', stream: '最近的消息', history: '聊天记录' },
    kinds: { open: '开放房间', live: '直播房间' },
    there: '房间里的人', nobody: '没有人在。',
    shown: (shown, all) => `${all} 人中的 ${shown} 人`,
  },
  desk: {
    waiting: '等待中的客户', customer: '客户', channel: '渠道', since: '已等待', nobody: '没有客户在等待客服。',
    moreCustomers: '更多客户', agents: '客服', agent: '客服', state: '状态', conversations: '会话',
    noAgent: '还没有客服。用 npm run agent 添加。', moreAgents: '更多客服', online: '在线', away: '离开',
    share: (own, all) => `${own} / ${all}`,
    counts: {
      waiting: (count) => (count === '0' ? '' : `共 ${count} 人`),
      conversations: (count) => `进行中的会话 ${count} 个`,
    },
  },
  queues: {
    title: '队列', queue: '队列', waiting: '等待', active: '运行', delayed: '延后',
    failed: '失败',
    oldest: (age) => `最早的已等待 ${age}`,
    jobsOf: (queue) => `任务：${queue}`,
    state: '状态', job: '任务', attempts: '尝试', made: '加入于', due: '下次尝试', error: '最近的错误',
    attemptsOf: (count, max) => `${count} / ${max}`,
    noJobs: '没有处于此状态的任务。',
    order: { next: '即将运行的排在前面。', failed: '最新的排在前面。' },
    first: (count) => `只显示前 ${count} 个。`,
    names: { mail: '邮件', 'room-expiry': '房间到期', 'clean-up': '清理' },
  },
  keySet: { title: '外部登录的密钥', host: '主机', last: '上次获取', never: '从未', problem: '原因', fetched: '已获取', failed: '无法获取', notAsked: '尚未用到' },
  stale: (why) => `没有更新的数据：${why}`,

  people: {
    title: '用户', find: '查找用户', findHint: '用户 ID，或名字的开头', search: '查找',
    found: (count, more) => (more ? `找到的前 ${count} 人` : `找到 ${count} 人`),
    nobody: '没有这个 ID，也没有以此开头的名字。', results: '查找结果', clear: '返回在线用户',
    online: '当前在线', onlineAll: (count) => `当前在线：${count}`,
    some: (shown, all) => `${all} 人中随机显示 ${shown} 人`,
    others: '换一批', everybody: '显示全部',
    all: (shown, all) => `${all} 人中按 ID 显示 ${shown} 人`,
    back: '返回随机显示', more: '更多用户', empty: '没有人在线。',
    sessions: (count) => `${count} 个连接`,
    offline: '离线',
    kinds: { user: '账号', ...kinds },
  },

  person: {
    close: '关闭', id: 'ID', kind: '类型', presence: '状态',
    isOnline: (count) => `在线，${count} 个连接`,
    lastSeen: '最近上线或离线', never: '从未', ban: '封禁', notBanned: '未封禁',
    bannedUntil: (time) => `封禁至 ${time}`, banReason: '封禁原因', noReason: '未填写',
    rooms: '所在房间', noRooms: '无', moreRooms: '更多房间',
    roomKinds: { group: '群组', pair: '搭档', conv: '客服会话', dm: '私信', park: '公园' },
    actions: '可执行的操作', inform: '发送通知……', disconnect: '断开连接……', revoke: '登出……',
    banAction: '封禁……', unban: '解除封禁……',
  },
  confirm: {
    cancel: '取消',
    disconnect: {
      title: (name) => `断开 ${name} 的连接？`,
      body: '将立即关闭其所有连接，对方可以马上重新连接。', reason: '原因（对方可见）',
      yes: '断开', done: '已断开：所有网关将在 2 秒内执行。',
    },
    revoke: { title: (name) => `将 ${name} 全部登出？`, body: '其所有登录和令牌立即失效，需要重新登录。', yes: '登出', done: '已登出：所有网关将在 2 秒内执行。' },
    ban: { title: (name) => `封禁 ${name}？`, body: '将关闭其所有连接，封禁结束前不能进入。对游客和客户的封禁同时适用于其浏览器，并在一小时内适用于其网络地址。', seconds: '时长', reason: '原因（对方可见）', yes: '封禁', done: '已封禁：所有网关将在 2 秒内执行。' },
    unban: { title: (name) => `解除对 ${name} 的封禁？`, body: '对方可以马上重新进入。', yes: '解除封禁', done: '封禁已解除。' },
  },

  notice: {
    title: '发送通知', hint: '只会显示给当前在线的用户，不会保存。', to: '发送给', all: '所有人',
    room: '一个房间', user: '一个用户', roomName: '房间名称', userId: '用户 ID', text: '内容',
    send: '发送……',
    toAll: (count) => `所有人（${count} 人在线）`,
    toRoom: (room) => `房间 ${room}`,
    toUser: (user) => `用户 ${user}`,
    confirmTitle: '发送这条通知？',
    confirmTo: (target) => `发送给${target}：`,
    yes: '发送', done: '已发送。', missing: '请填写接收者和内容。',
  },

  errors: {
    NO_ANSWER: '系统没有响应', UNAVAILABLE: 'Redis 或 PostgreSQL 没有响应',
    MISSING_TOKEN: '密码错误：请重新加载页面', RATE_LIMITED: '密码错误次数过多：请等待一分钟',
    FORBIDDEN: '没有权限', ORIGIN_DENIED: '请求来自其他网站', USER_NOT_FOUND: '没有这个用户',
    ROOM_NOT_FOUND: '没有这个房间', ROOM_CLOSED: '房间已关闭', TOO_LARGE: '内容过长，请缩短',
    INVALID_REQUEST: '输入无效，请检查', REASON_MISSING: '请填写原因，对方会看到',
  },
};
