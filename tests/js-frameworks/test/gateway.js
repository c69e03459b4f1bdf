// The same gateway, and the same words for it, as the lighter packages have.
export * from '../../js-clients/test/gateway.js';
