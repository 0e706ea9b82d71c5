// An OpenID provider for one client: node provider.js PORT ORIGIN, where ORIGIN is the client's.
// Its sign-in pages are those that oidc-provider has for development: any name and password will do.
import Provider from "oidc-provider";

const [port, origin] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "classroom-sync",
      client_secret: "a secret of +/ signs",
      redirect_uris: [`${origin}/oidc/callback`],
      post_logout_redirect_uris: [`${origin}/login`],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username"] },
  cookies: { keys: ["of a test"] },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id }) }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
