/** The stack file that `mainstay init` writes: small, and every line of it explained. */
import { GitUrl } from '@mainstay/contract/stack';

const example_repository = 'https://github.com/you/your-app.git';

export function starterFile(stack: string, repository: string | null): string {
  const git = repository !== null && GitUrl.safeParse(repository).success ? repository : example_repository;
  return `# A stack: what one or more servers are to run. Every field: docs/reference/stack-file.md
# \`mainstay plan\` shows what would change, \`mainstay apply\` makes it so.
stack: ${JSON.stringify(stack)}

services:
  web:
    source:
      git: ${JSON.stringify(git)}
      ref: main              # branch, tag or commit
      # root: apps/web       # folder inside the repository
      # credential: github   # for a private one: mainstay credentials create-deploy-key github
    # build: npm ci && npm run build
    run: npm start           # listens on the port in $PORT
    route:
      prefix: /              # requests that begin with this go here
    health:
      path: /                # must answer 200 to 399 before the switch
    # env:
    #   LOG_LEVEL: info
    # secrets: [DATABASE_URL]   # mainstay secrets set ${stack} DATABASE_URL
`;
}
