// What is known of commands: where their keys are, and whether they may be sent twice. What is not in this table is refused.

/** Where the keys of a command are, as Redis tells it: first, last (negative from the end), step. */
export interface CommandSpec {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** It asks and changes nothing. */
  readonly reads: boolean;
  /** Doing it twice does no harm. */
  readonly idempotent: boolean;
}

const READS = `get strlen getrange substr getbit bitcount bitpos type ttl pttl expiretime pexpiretime dump hget hmget hgetall hlen
  hkeys hvals hexists hstrlen hscan hrandfield llen lrange lindex lpos scard smembers sismember smismember srandmember sscan zcard zscore
  zmscore zrange zrangebyscore zrevrange zrevrangebyscore zrangebylex zrank zrevrank zcount zlexcount zscan xlen xrange xrevrange
  geopos geodist geohash`;
const IDEMPOTENT = `set setex psetex setrange setbit expire pexpire expireat pexpireat persist hset hmset hdel hsetnx ltrim lset sadd srem
  zadd zrem zremrangebyrank zremrangebyscore pfadd geoadd setnx`;
const OTHERS = `append incr decr incrby decrby incrbyfloat getset getdel getex hincrby hincrbyfloat lpush rpush lpushx rpushx lpop rpop
  linsert lrem spop zincrby zpopmin zpopmax xadd xdel xtrim`;
const READS_OF_MANY = "mget exists touch sunion sinter sdiff pfcount";
const IDEMPOTENT_OF_MANY = "del unlink sunionstore sinterstore sdiffstore pfmerge";
const OTHERS_OF_TWO = "rename renamenx smove rpoplpush lmove copy";
/** Without a key: they ask the server itself. */
const OF_THE_SERVER = "dbsize info time randomkey lastsave";

function words(text: string): readonly string[] {
  return text.split(/\s+/);
}

function entries(text: string, first: number, last: number, step: number, reads: boolean, idempotent: boolean) {
  return words(text).map((name) => [name, { first, last, step, reads, idempotent }] as const);
}

const COMMANDS: ReadonlyMap<string, CommandSpec> = new Map([
  ...entries(READS, 1, 1, 1, true, true),
  ...entries(IDEMPOTENT, 1, 1, 1, false, true),
  ...entries(OTHERS, 1, 1, 1, false, false),
  ...entries(READS_OF_MANY, 1, -1, 1, true, true),
  ...entries(IDEMPOTENT_OF_MANY, 1, -1, 1, false, true),
  ...entries(OTHERS_OF_TWO, 1, 2, 1, false, false),
  ...entries("mset", 1, -1, 2, false, true),
  ...entries("msetnx", 1, -1, 2, false, false),
  ...entries(OF_THE_SERVER, 0, 0, 0, true, true),
]);

/** What a connection must keep in mind, or what keeps a connection: none of it can be shared. */
const REFUSED: ReadonlyMap<string, string> = new Map(
  [
    ["transactions", "multi exec discard watch unwatch"],
    [
      "publish and subscribe",
      "subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe publish spublish monitor",
    ],
    [
      "blocking commands",
      "blpop brpop brpoplpush blmove blmpop bzpopmin bzpopmax bzmpop xread xreadgroup wait waitaof",
    ],
    ["scripts", "eval evalsha eval_ro evalsha_ro fcall fcall_ro script function"],
    ["logging in", "auth"],
    [
      "changing the server",
      "config debug shutdown flushall flushdb save bgsave replicaof slaveof cluster failover swapdb acl module",
    ],
  ].flatMap(([what = "", names = ""]) => words(names).map((name) => [name, what] as const)),
);

/** The place of a command; undefined for one that is not passed on. @param name in lower case. */
export function commandSpec(name: string): CommandSpec | undefined {
  return COMMANDS.get(name);
}

/** Why a command is not passed on. */
export function refusal(name: string): string {
  const what = REFUSED.get(name);
  if (what !== undefined) return `'${name}' is not passed on: ${what} need a connection of one's own`;
  return `unknown command '${name.replaceAll(/[^\x21-\x7e]/g, "?").slice(0, 40)}'`;
}
