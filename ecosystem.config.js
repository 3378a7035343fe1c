// What PM2 runs: COIN (dashboard), COIN-BOT (trading bot) and, unless the mode is live, COIN-SIM (local exchange);
// COIN-WATCH (alerts) where WATCH is not false; COIN-CHAT (commands from a chat) where CHAT_USERS is set;
// COIN-LAB (the Lab page's work) is made known and waits until the dashboard asks for it, unless LAB is false.
// `./coin start` prepares the environment first; after that `pm2 start ecosystem.config.js` does the same start.
const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const root = __dirname;

// The interpreter is always the project's own: COIN_PYTHON chooses the Python that makes .venv, not what runs here.
const python = ['.venv/bin/python', '.venv/Scripts/python.exe'].map((p) => path.join(root, p)).find((p) => fs.existsSync(p));
if (!python) throw new Error(`CoinTrader is not set up in ${root}: run ./coin start (it makes .venv)`);

// Of the system's own variables these go through, and nothing else: PM2 keeps every variable that it is given, in files
// that others can read. Values of .env are not handed on either: Python reads .env at each start, and a copy here would
// hide a later edit.
const SYSTEM = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'SYSTEMROOT'];
const fromShell = (names) => Object.fromEntries(names.filter((n) => process.env[n]).map((n) => [n, process.env[n]]));
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
// The rules are Python's, for every process the same: whose folder it is, who may command this PM2, what runs, and which
// settings a process may be given from the shell (no key, no password).
const pm2Home = process.env.PM2_HOME || path.join(process.env.HOME || '~', '.pm2');
const asked = spawnSync(python, ['-m', 'shared.pm2_plan', data, pm2Home, mode, setting('WATCH', 'true'), setting('CHAT_USERS', ''), setting('LAB', 'true')], { cwd: root, encoding: 'utf8' });
if (asked.status !== 0) throw new Error((asked.stderr || String(asked.error)).trim());
const plan = JSON.parse(asked.stdout);
// A setting that the shell no longer has is handed on as empty, which means "not set": PM2 adds a new start's variables
// to those of the start before, so that a mode given once would stay for ever.
const ours = Object.fromEntries(plan.settings.map((n) => [n, process.env[n] || '']));
fs.mkdirSync(data, { recursive: true, mode: 0o700 });
fs.mkdirSync(logs, { recursive: true, mode: 0o700 });

// PM2 makes its log files with the daemon's umask; a file that exists keeps its mode.
function logFile(name) {
  const file = path.join(logs, name);
  fs.closeSync(fs.openSync(file, 'a', 0o600));
  fs.chmodSync(file, 0o600);
  return file;
}

const app = ({ name, module, on_demand: onDemand }) => ({
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
  // One on demand ends at once when nothing is asked of it. (PM2 never starts what was made known with autostart: false.)
  autorestart: !onDemand,
  // Never 0: PM2 takes a death by signal for exit code 0. 75 = another instance holds the lock, 78 = settings, key or
  // clock are wrong; neither gets better by a restart.
  stop_exit_codes: [75, 78],
  ...(onDemand ? {} : { exp_backoff_restart_delay: 200 }), // with it, PM2 calls an end "waiting restart"
  min_uptime: '20s',
  max_restarts: 15,
  kill_timeout: 8000,
  max_memory_restart: '700M',
  out_file: logFile(`${name}.out.log`),
  error_file: logFile(`${name}.err.log`),
});

module.exports = { apps: plan.processes.map(app) };
