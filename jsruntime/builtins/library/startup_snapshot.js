// For Node's library nothing is different while a snapshot is made.
module.exports = { namespace: { addDeserializeCallback() {}, isBuildingSnapshot: () => false } };
