// Configuration of the `io.l5d.prometheus` telemeter (reference §7.1, §7.3).
import { object, text } from "../../config/schema.ts";

export const prometheusTelemeter = object(
  { doc: "Serves all metrics in the Prometheus text format on the admin port." },
  {
    path: text({
      doc: "Where on the admin port.",
      default: "/admin/metrics/prometheus",
      refuse: {
        shown: "it does not begin with `/`",
        when: (path) => !path.startsWith("/"),
        because: "a path on the admin port begins with /",
        instead: "write it with a / in front",
      },
    }),
    prefix: text({ doc: "Put before every metric name.", default: "", allowEmpty: true }),
  },
);
