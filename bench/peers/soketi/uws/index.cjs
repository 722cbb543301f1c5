// The package of this project is a module without an entry for `require`, so its file is named.
module.exports = { ...require('../../../../node_modules/uWebSockets.js/dist/index.mjs') };
