// A request filter: no request without a ticket, and every answer says how long it took.
import { addField, counter, defineFilter, headerName, refuse, stat } from "fairlead/plugin";

export const tickets = defineFilter({
  doc: "Refuses requests without a ticket with 403, and tells with every answer how many milliseconds it took.",
  keys: {
    header: headerName({ doc: "The header with the ticket.", default: "x-ticket" }),
    tookHeader: headerName({ doc: "The header of answers that tells the time.", default: "x-took-ms" }),
  },
  metrics: {
    missing: counter("Requests without a ticket."),
    in_time_ms: stat("Time to the head of answers.", "ms"),
  },

  make({ header, tookHeader }, { env, metrics, slot }) {
    const ticket = header.toLowerCase();
    const beganMs = slot(0); // one number for each request in progress
    return {
      down(ex) {
        beganMs.set(ex, env.clock.nowMs());
        if (ex.request.get(ticket) !== undefined) return undefined;
        metrics.missing.inc();
        return refuse(ex, 403, `no ${header}`);
      },
      up(ex, head) {
        if (head === null) return; // a failure
        const tookMs = env.clock.nowMs() - beganMs.get(ex);
        metrics.in_time_ms.record(tookMs);
        addField(head, tookHeader, tookMs.toFixed(0));
      },
    };
  },
});
