// The interface that whip-whep and its descendants share, used as their READMEs say.

export class Both {
  constructor(WHIPClient, WHEPClient) {
    this.publish = async ({ url, token }) => {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
      for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: "sendonly" });
      return started(new WHIPClient(), "publish", pc, url, token);
    };
    this.play = async ({ url, token }) => {
      const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
      pc.addTransceiver("audio");
      pc.addTransceiver("video");
      pc.ontrack = ({ track, streams }) => {
        if (track.kind === "video") document.querySelector("video").srcObject = streams[0];
      };
      return started(new WHEPClient(), "view", pc, url, token);
    };
  }
}

async function started(client, verb, pc, url, token) {
  await client[verb](pc, url, token);
  return { pc, restart: () => client.restart(), stop: () => client.stop() };
}
