/** Who may import whom. The picture is in ARCHITECTURE.md; deploy/check/layers.ts runs this and asserts that it looked at something. */

/** Libraries from the ground up: each may import those of lower floors only. */
const FLOORS = [
  ['protocol'],
  ['config', 'telemetry', 'limits'],
  ['auth', 'redis', 'client', 'http', 'mail', 'process'],
  ['broker', 'presence', 'store', 'jobs'],
  ['messages', 'events'],
  ['rooms', 'hub'],
  ['backend'],
];

/** The wings of the hub, from the ground up; what they are made into stands above them, in `libs/hub` itself. */
const HUB_WINGS = ['ports', 'limits', 'rooms', 'sessions', 'delivery', 'frames'];

/** A package, and the one folder of ours that may import it. Tests and benches measure from outside: they may. */
const ONLY_IMPORTERS = {
  'uWebSockets.js': '^services/gateway/',
  ioredis: '^libs/redis/',
  jose: '^libs/auth/',
  'prom-client': '^libs/telemetry/',
  pino: '^libs/telemetry/',
  '@opentelemetry': '^libs/telemetry/',
  pg: '^libs/store/',
  dataloader: '^libs/store/',
  bullmq: '^libs/jobs/',
  nodemailer: '^libs/mail/',
  fastify: '^services/(api|all-in-one)/',
  react: '^services/web/',
  'react-dom': '^services/web/',
  '@mantine': '^services/web/',
  zustand: '^services/web/',
};

const OURS = '^(libs|services)/';

function floorRules() {
  return FLOORS.flatMap((floor, level) => {
    const above = FLOORS.slice(level + 1).flat();
    return above.length === 0
      ? []
      : [
          {
            name: `floor-${floor.join('-')}`,
            comment: 'Dependencies run downward only.',
            severity: 'error',
            from: { path: `^libs/(${floor.join('|')})/` },
            to: { path: `^libs/(${above.join('|')})/` },
          },
        ];
  });
}

function wingRules() {
  return HUB_WINGS.map((wing, level) => ({
    name: `wing-${wing}`,
    comment: 'Inside the hub, too, dependencies run downward only.',
    severity: 'error',
    from: { path: `^libs/hub/${wing}/` },
    to: { path: `^libs/hub/(${[...HUB_WINGS.slice(level + 1).map((above) => `${above}/`), '[^/]+$'].join('|')})` },
  }));
}

function onlyImporterRules() {
  return Object.entries(ONLY_IMPORTERS).map(([name, folder]) => ({
    name: `only-importer-of-${name}`,
    comment: `${name} is wrapped once, in ${folder}`,
    severity: 'error',
    from: { path: OURS, pathNot: folder },
    to: { path: `(^|/)node_modules/${name.replace('.', '\\.')}/` },
  }));
}

export default {
  forbidden: [
    { name: 'no-cycles', comment: 'Types included.', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', comment: 'Every import leads somewhere.', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'protocol-stands-alone',
      comment: 'Browsers use it too: nothing of ours, nothing of Node, no package.',
      severity: 'error',
      from: { path: '^libs/protocol/' },
      to: { pathNot: '^libs/protocol/' },
    },
    {
      name: 'client-knows-protocol-only',
      comment: 'It is published by itself and runs in browsers.',
      severity: 'error',
      from: { path: '^libs/client/' },
      to: { pathNot: '^libs/(client|protocol)/' },
    },
    {
      name: 'web-knows-client-and-protocol-only',
      comment: 'It runs in browsers.',
      severity: 'error',
      from: { path: '^services/web/' },
      to: { path: '^libs/', pathNot: '^libs/(client|protocol)/' },
    },
    ...floorRules(),
    ...wingRules(),
    {
      name: 'hub-for-the-gateway',
      comment: 'What others need of messages is in libs/messages.',
      severity: 'error',
      from: { path: OURS, pathNot: '^(libs/hub|services/gateway)/' },
      to: { path: '^libs/hub/' },
    },
    {
      name: 'libs-below-services',
      comment: 'Libraries do not know who uses them.',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(services|bench|test|deploy)/' },
    },
    {
      name: 'services-apart',
      comment: "Services do not import each other; all-in-one's main alone composes them.",
      severity: 'error',
      from: { path: '^services/([^/]+)/', pathNot: '^services/all-in-one/(main|run-all-in-one|dev-mailbox-page)\\.ts$' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'shipped-code-alone',
      comment: 'What runs in production imports no test and no bench.',
      severity: 'error',
      from: { path: OURS },
      to: { path: '^(test|bench|deploy)/' },
    },
    {
      name: 'shipped-code-without-dev-packages',
      comment: 'Development packages are not there in production; what the pages are made of is built into their files.',
      severity: 'error',
      from: { path: OURS, pathNot: '^services/web/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'hub-knows-ports',
      comment: 'Of the broker and of presence the hub knows the port.',
      severity: 'error',
      from: { path: '^libs/(hub|messages|events|rooms)/' },
      to: {
        path: '^libs/(broker|presence|store|jobs|redis|mail)/',
        pathNot:
          '^libs/(broker/broker|broker/archive|presence/presence|presence/presence-edges|presence/node-directory|store/(store|list-page|[a-z]+-store)|jobs/jobs)\\.ts$',
      },
    },
    {
      name: 'hub-knows-ports-as-types',
      comment: 'Nothing of a backend runs inside the hub.',
      severity: 'error',
      from: { path: '^libs/(hub|messages|events|rooms)/' },
      to: {
        path: '^libs/(broker|presence|store|jobs|telemetry|auth)/',
        // The port to traces has two functions of its own and imports nothing.
        pathNot: '^libs/telemetry/tracer\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'hub-without-network',
      comment: 'No network library in the hub.',
      severity: 'error',
      from: { path: '^libs/(hub|messages|events|rooms)/' },
      to: { path: '^(node:)?(net|tls|http|https|http2|dgram|dns|cluster|child_process|fs)(/|$)|node_modules/' },
    },
    {
      name: 'main-picks-implementations',
      comment: 'Which broker, which presence and which queues: libs/backend has the choices, each main chooses; nobody else.',
      severity: 'error',
      from: { path: OURS, pathNot: '^services/[^/]+/(main|[a-z-]+-backend)\\.ts$|^libs/(backend|broker|presence|jobs)/' },
      to: { path: '^libs/(broker|presence|jobs)/[^/]+-(memory|redis|bullmq)\\.ts$' },
    },
    ...onlyImporterRules(),
  ],
  options: {
    // Type imports are dependencies too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    // What was built is not source.
    exclude: { path: '^(libs/client|services/web)/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.css'],
    },
  },
};
