/** A program that runs the laws of supervisors and builders where systemd is: inside of a host of the lab, as root. */
import { runAll } from '../../../../../tests/lab/in-host/runner.ts';
import { supervisorConformance } from '../supervisor.conformance.ts';
import { createSystemdSupervisor } from './systemd-supervisor.ts';

supervisorConformance('systemd', createSystemdSupervisor);
await runAll(process.argv[2]);
process.exit(0);
