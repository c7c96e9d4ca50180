/**
 * `mainstay mcp`: the operations as MCP tools over stdin and stdout, for assistants that start programs. It never signs: the key of this
 * device speaks for a person, and not for an assistant.
 */
import { type CommonOptions, cliVersion, type Registration } from '../cli.ts';

export const registerMcp: Registration = (program, cli) => {
  program
    .command('mcp')
    .summary('Serve the operations as MCP tools over standard input and output')
    .description(
      'Serves the operations as MCP tools (Model Context Protocol), for an assistant that starts this command: those that read, and with --allow-changes all that the token of this user may do. A change has to bring the hash of the plan that was shown before. Nothing is signed with the key of this device.',
    )
    .option('--allow-changes', 'offer the tools that change something too')
    .option('--url <url>', 'address of the control plane (also MAINSTAY_URL)')
    .option('--home <folder>', 'folder of the installation on this machine (also MAINSTAY_HOME)')
    .action(
      cli.action(async (options: CommonOptions & { allowChanges?: boolean }) => {
        const connection = cli.connect(options);
        const [{ createMcpServer }, { StdioServerTransport }] = await Promise.all([
          import('@mainstay/contract/mcp'),
          import('@modelcontextprotocol/sdk/server/stdio.js'),
        ]);
        const server = createMcpServer({
          version: cliVersion,
          allow_changes: options.allowChanges === true,
          permissions: async () => (await connection.call('system.whoami', {})).permissions,
          call: (id, input, signal) => connection.callRaw(id, input, { signal }),
          onFault: (error) => cli.note(error instanceof Error ? (error.stack ?? error.message) : String(error)),
        });
        const closed = new Promise<void>((resolve) => {
          server.onclose = resolve;
        });
        const release = cli.terminal.onInterrupt(() => void server.close());
        // The transport does not notice by itself that its client has gone.
        process.stdin.once('end', () => void server.close());
        await server.connect(new StdioServerTransport());
        await closed;
        release();
        return 0;
      }),
    );
};
