import { contractSuite } from "../testing/contract.suite.ts";
import { startProgram } from "../testing/program.ts";

contractSuite("standalone", () => startProgram());
