// What PM2 runs: COIN (dashboard), COIN-BOT (trading bot) and, unless the mode is live, COIN-SIM (local exchange).
// `./coin start` prepares the environment first; after that `pm2 start ecosystem.config.js` does the same start.
const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const root = __dirname;

// The interpreter is always the project's own: COIN_PYTHON chooses the Python that makes .venv, not what runs here.
const python = ['.venv/bin/python', '.venv/Scripts/python.exe'].map((p) => path.join(root, p)).find((p) => fs.existsSync(p));
if (!python) throw new Error(`CoinTrader is not set up in ${root}: run ./coin start (it makes .venv)`);

// From the shell these go through, and nothing else: PM2 keeps every variable that it is given, in files that others
// can read. Keys and passwords are not listed, so they can't get there (a test compares the list with the settings).
// Values of .env are not handed on either: Python reads .env at each start, and a copy here would hide a later edit.
const SYSTEM = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'SYSTEMROOT'];
const OURS = [
  'COIN_MODE', 'PROFILE', 'BOT_NAME', 'DATA_DIR', 'STATE_FILE', 'LOG_LEVEL', 'PRODUCTS', 'PRODUCT_ID', 'DEPTH_VIEW', 'GRANULARITY',
  'USE_TICK_PRICE', 'TICK_INTERVAL_SEC', 'CANDLE_RESYNC_SEC', 'RECORD', 'MAX_HISTORY_CANDLES', 'DRY_RUN',
  'LIVE_PERMISSION_DAYS', 'ORDER_MIN_USD', 'LOW_FUNDS', 'RISK_PER_TRADE_PCT', 'MAX_DAILY_LOSS_PCT', 'MAX_DAILY_LOSS_USD',
  'USD_EQUITY', 'USE_LIVE_EQUITY', 'VOL_RISK_ADJUST', 'DAILY_BREAKER_MARK_TO_MARKET', 'MAX_TOTAL_LOTS',
  'MAX_CONCURRENT_LOTS', 'MAX_ORDER_USD', 'MAX_ORDERS_PER_MIN', 'PRICE_COLLAR_PCT', 'STALE_DATA_SEC',
  'TRADING_WINDOW_UTC', 'REDUCE_ONLY', 'MAX_PRODUCT_USD', 'MAX_TOTAL_USD', 'MAX_BASE', 'MAX_DRAWDOWN_PCT',
  'MAX_CONSECUTIVE_LOSSES', 'MAX_ERROR_RATE_PCT', 'MAX_API_ERROR_PCT', 'MAX_VOL_SPIKE', 'MAX_SPREAD_PCT',
  'MIN_DEPTH_USD', 'MAX_IMPACT_BP', 'VOLATILITY_MULT', 'VOLATILITY_METHOD', 'VOLATILITY_WINDOW', 'VOLATILITY_ALPHA', 'ATR_WINDOW',
  'CORRELATION_LIMIT', 'CORRELATION_WINDOW', 'VOL_BAND_METHOD', 'VOL_BAND_LOW_PCT', 'VOL_BAND_HIGH_PCT', 'SIZING', 'FIXED_ORDER_USD',
  'TARGET_DAY_VOL_PCT', 'KELLY_CAP_PCT', 'KELLY_CONFIDENCE', 'SCANNER_MAX_PRODUCTS', 'SCANNER_MIN_VOLUME_USD',
  'LONG_ONLY', 'ALLOW_PYRAMIDING', 'PYRAMID_MIN_ADVERSE_PCT', 'PYRAMID_DECAY_LAMBDA', 'PYRAMID_DECAY_MIN_PCT',
  'PYRAMID_MIN_SECONDS_BETWEEN', 'ENTRY_ORDER', 'MAKER_TIMEOUT_SEC', 'MAKER_REPRICE_SEC', 'TAKE_PROFIT_PCT',
  'STOP_LOSS_PCT', 'TRAIL_ACTIVATE_PCT', 'TRAIL_DISTANCE_PCT', 'RUNNER_TP_MULT', 'SCALP_TP_DECAY_ENABLE',
  'SCALP_TP_DEC_MODE', 'SCALP_TP_DEC_PCT', 'SCALP_TP_DECAY_FACTOR', 'SCALP_TP_MIN_PCT', 'TAKE_PROFIT_ORDER',
  'FEE_RATE_PCT', 'EDGE_GATE', 'MIN_EDGE_PCT', 'STRATEGY', 'MA_FAST', 'MA_SLOW', 'BUY_THRESHOLD',
  'SELL_THRESHOLD', 'USE_MA_FILTER', 'MODEL_MODE', 'WALK_FORWARD_MIN', 'BACKTEST_SLEEP_MS', 'KILL_FLATTEN', 'SAFE_STARTS', 'WATCHDOG_SEC',
  'SIM_PORT', 'SIM_ADMIN_PORT', 'SIM_MARKET', 'SIM_SEED', 'SIM_FUNDS', 'SIM_REPLAY', 'SIM_REPLAY_PRODUCT',
  'SIM_REPLAY_SPEED', 'SIM_CLIENT_ID', 'SIM_IDEMPOTENCY', 'SIM_QUEUE_MS', 'SIM_MAKER_FEE_PCT', 'SIM_TAKER_FEE_PCT',
  'SIM_UPSTREAM', 'SIM_UPSTREAM_CA', 'SIM_PLAIN_PORT', 'SIM_RATE_LIMITS',
  'DASHBOARD_HOST', 'DASHBOARD_PORT', 'DASHBOARD_BEHIND_PROXY', 'DASHBOARD_HOSTS', 'DASHBOARD_TLS_CERT',
  'DASHBOARD_TLS_KEY',
];
const fromShell = (names) => Object.fromEntries(names.filter((n) => process.env[n]).map((n) => [n, process.env[n]]));
// A setting that the shell no longer has is handed on as empty, which means "not set": PM2 adds a new start's variables
// to those of the start before, so that a mode given once would stay for ever.
const ours = Object.fromEntries(OURS.map((n) => [n, process.env[n] || '']));
// A strategy's own settings (STRATEGY_DIP_PERIOD) are known to the strategy only.
const strategies = fromShell(Object.keys(process.env).filter((n) => n.startsWith('STRATEGY_')));

function setting(name, fallback) {
  if (process.env[name]) return process.env[name];
  const file = path.join(root, '.env');
  if (!fs.existsSync(file)) return fallback;
  const line = new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=[ \\t]*(?:"([^"\\n]*)"|'([^'\\n]*)'|([^\\n]*?))[ \\t]*(?:[ \\t]#.*)?\\r?$`, 'gm');
  const found = [...fs.readFileSync(file, 'utf8').matchAll(line)].pop(); // the last one holds
  return (found && (found[1] ?? found[2] ?? found[3])) || fallback;
}

const mode = setting('COIN_MODE', 'sim').trim();
const data = path.resolve(root, setting('DATA_DIR', 'data').trim().replace(/^~(?=\/|$)/, process.env.HOME || '~'));
const logs = path.join(data, 'logs', 'pm2');
// The rule itself is Python's, for every process the same: whose folder it is, and who may command this PM2.
const pm2Home = process.env.PM2_HOME || path.join(process.env.HOME || '~', '.pm2');
const asked = spawnSync(python, ['-m', 'shared.folder_check', data, pm2Home], { cwd: root, encoding: 'utf8' });
if (asked.status !== 0) throw new Error((asked.stderr || String(asked.error)).trim());
fs.mkdirSync(data, { recursive: true, mode: 0o700 });
fs.mkdirSync(logs, { recursive: true, mode: 0o700 });

// PM2 makes its log files with the daemon's umask; a file that exists keeps its mode.
function logFile(name) {
  const file = path.join(logs, name);
  fs.closeSync(fs.openSync(file, 'a', 0o600));
  fs.chmodSync(file, 0o600);
  return file;
}

const app = (name, module) => ({
  name,
  namespace: 'cointrader',
  cwd: root, // else PM2 takes the caller's folder
  script: python,
  interpreter: 'none',
  args: ['-m', module],
  exec_mode: 'fork',
  filter_env: [''], // drops the whole shell environment
  env: { ...fromShell(SYSTEM), ...ours, ...strategies, PYTHONUNBUFFERED: '1', PYTHONUTF8: '1' },
  watch: false,
  vizion: false,
  pmx: false,
  autorestart: true,
  // Never 0: PM2 takes a death by signal for exit code 0. 75 = another instance holds the lock, 78 = settings, key or
  // clock are wrong; neither gets better by a restart.
  stop_exit_codes: [75, 78],
  exp_backoff_restart_delay: 200,
  min_uptime: '20s',
  max_restarts: 15,
  kill_timeout: 8000,
  max_memory_restart: '700M',
  out_file: logFile(`${name}.out.log`),
  error_file: logFile(`${name}.err.log`),
});

const apps = [app('COIN', 'dashboard'), app('COIN-BOT', 'bot')];
if (mode !== 'live') apps.push(app('COIN-SIM', 'simulator'));

module.exports = { apps };
