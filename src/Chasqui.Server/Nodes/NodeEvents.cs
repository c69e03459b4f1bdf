using System.Text.Json;
using Chasqui.Gateway.Nodes;
using Google.Protobuf;

namespace Chasqui.Server;

/// <summary>Tells what happens to nodes, as events of the channel <c>nodes</c>.</summary>
internal sealed class NodeEvents(ChannelHub hub)
{
    public void Publish(NodeChange change)
    {
        using var payload = new MemoryStream();
        using (var json = new Utf8JsonWriter(payload))
        {
            json.WriteStartObject();
            json.WriteString("event", change.State is null ? "removed" : "state");
            json.WriteString("node", change.Node);
            if (change.State is { } state)
                json.WriteString("state", NodesEndpoint.StateOf(state));
            if (change.Reason.Length > 0)
                json.WriteString("reason", change.Reason);
            json.WriteEndObject();
        }
        try
        {
            hub.Publish(ChannelHub.Nodes, "application/json", ByteString.CopyFrom(payload.GetBuffer().AsSpan(0, (int)payload.Length)));
        }
        catch (EngineOverloadedException)
        {
            // There are too many channels already; nobody listens to this one.
        }
    }
}
