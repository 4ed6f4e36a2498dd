// What h2specd starts for each of its cases, with the address of that case: asks for it through a proxy. PROXY is the
// proxy's address; the name of a case is `case-PORT`.
import { connect } from "node:http2";

const { port } = new URL(process.argv[2]);
const session = connect(`http://${process.env.PROXY}`);
// The answer is of no interest, since what is judged is how the proxy deals with the case.
session.on("error", () => {});
const stream = session.request({ ":path": `/case-${port}/`, ":method": "GET" });
stream.on("error", () => {});
stream.on("close", () => session.destroy());
// Less than the three seconds after which h2specd gives the whole run up.
setTimeout(() => session.destroy(), 2000).unref();
stream.resume();
