// Where the gateway is. Without it there is nothing to test.
export const url = process.env.CHASQUI_URL;
if (!url) throw new Error('set CHASQUI_URL to the address of a running gateway, such as http://127.0.0.1:11435');

// The model that ships with Chasqui, unless another is named.
export const model = process.env.CHASQUI_MODEL ?? 'mini';
