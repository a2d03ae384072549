export const close = async () => {};
