// The same gateway, and the same words for it, as the lighter packages have.
export * from '../../js-clients/test/gateway.js';

// Options of a test that may fail until something is there; false for nothing.
export const until = (what) => ({ todo: what && `until ${what}` });
