// What PM2 runs: COIN (dashboard), COIN-BOT (trading bot) and, unless the mode is live, COIN-SIM (local exchange).
// `./coin start` prepares the environment first; after that `pm2 start ecosystem.config.js` does the same start.
const fs = require('fs');
const path = require('path');

const root = __dirname;

// The interpreter is always the project's own: COIN_PYTHON chooses the Python that makes .venv, not what runs here.
const python = ['.venv/bin/python', '.venv/Scripts/python.exe'].map((p) => path.join(root, p)).find((p) => fs.existsSync(p));
if (!python) throw new Error(`CoinTrader is not set up in ${root}: run ./coin start (it makes .venv)`);

// From the shell these go through, and nothing else: PM2 keeps every variable that it is given, in files that others
// can read. Keys and passwords are not listed, so they can't get there. Values of .env are not listed either: Python
// reads .env itself at each start, and a copy here would hide a later edit.
const SYSTEM = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'SYSTEMROOT'];
const OURS = ['COIN_MODE', 'PROFILE', 'BOT_NAME', 'DATA_DIR', 'LOG_LEVEL', 'PRODUCTS', 'DRY_RUN', 'SAFE_STARTS',
  'SIM_PORT', 'SIM_ADMIN_PORT', 'SIM_MARKET', 'SIM_SEED', 'SIM_FUNDS', 'SIM_REPLAY', 'SIM_REPLAY_SPEED',
  'SIM_CLIENT_ID', 'SIM_IDEMPOTENCY', 'SIM_MAKER_FEE_PCT', 'SIM_TAKER_FEE_PCT',
  'DASHBOARD_HOST', 'DASHBOARD_PORT', 'DASHBOARD_BEHIND_PROXY', 'DASHBOARD_HOSTS', 'DASHBOARD_TLS_CERT', 'DASHBOARD_TLS_KEY'];
const fromShell = (names) => Object.fromEntries(names.filter((n) => process.env[n]).map((n) => [n, process.env[n]]));
// A setting that the shell no longer has is handed on as empty, which means "not set": PM2 adds a new start's variables
// to those of the start before, so that a mode given once would stay for ever.
const ours = Object.fromEntries(OURS.map((n) => [n, process.env[n] || '']));

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
  env: { ...fromShell(SYSTEM), ...ours, PYTHONUNBUFFERED: '1', PYTHONUTF8: '1' },
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
