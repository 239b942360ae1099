// Exports what `type=gha` needs from the environment of an action to the steps after it.
const NAMES = ['ACTIONS_RUNTIME_TOKEN', 'ACTIONS_RESULTS_URL', 'ACTIONS_CACHE_URL', 'ACTIONS_CACHE_SERVICE_V2'];

module.exports = (environment, core) => {
  for (const name of NAMES) {
    const value = environment[name];
    if (!value) continue;
    if (name.endsWith('_TOKEN')) core.setSecret(value);
    core.exportVariable(name, value);
  }
};
