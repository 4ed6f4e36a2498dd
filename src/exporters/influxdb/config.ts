// Configuration of the `io.l5d.influxdb` telemeter (reference §7.1).
import { object } from "../../config/schema.ts";

export const influxdbTelemeter = object(
  { doc: "Serves all metrics in the line protocol of InfluxDB at `/admin/metrics/influxdb`." },
  {},
);
