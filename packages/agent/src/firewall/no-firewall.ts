/** The security part of an agent that may not touch the firewall: it says so, rather than to let a mode seem to be in force. */
import { ServerFailure, type ServerPart } from '../server/server-part.ts';

export function createNoSecurityPart(): ServerPart {
  return {
    name: 'security',
    async apply({ security }) {
      if (security.mode === 'none') return;
      throw new ServerFailure(
        'This agent may not set the firewall of its server.',
        'Install it as a service by the line that the dashboard shows under "Add a server", or start it as root with --firewall.',
      );
    },
    keepUp: async () => {},
  };
}
