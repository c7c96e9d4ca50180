/** As much of an agent as begins a change of rules and is killed before it is confirmed. */
import { testFirewall } from './firewall.ts';

const { rules, ...options } = JSON.parse(process.argv[2] ?? '{}');
await testFirewall(options).begin(rules, []);
process.kill(process.pid, 'SIGKILL');
