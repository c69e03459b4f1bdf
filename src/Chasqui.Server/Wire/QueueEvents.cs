using System.Globalization;
using Chasqui.Gateway.Nodes;
using Google.Protobuf;

namespace Chasqui.Server;

/// <summary>Tells the place in line of a request that came over MCP, as events of the channel <c>queue.REQUEST-ID</c>, to the caller whose request it is.</summary>
internal sealed class QueueEvents(ChannelHub hub, string channel, string audience) : ISilence
{
    /// <summary>With what the channels' names begin.</summary>
    public const string Prefix = "queue.";

    /// <summary>The field that asks for it.</summary>
    public const string Field = "queue-progress";

    /// <summary>The events that a request asks for; null where it does not, or its id is no name of a channel.</summary>
    public static QueueEvents? Of(ChannelHub hub, string? field, string? requestId) =>
        field is "1" or "true" && requestId is { Length: > 0 and <= 100 } && requestId.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '_' or '-')
            ? new QueueEvents(hub, Prefix + requestId, CallerGate.Caller.Id) : null;

    public void Elapsed(TimeSpan since)
    {
        // That it is silent is told by the connection itself.
    }

    public void Waits(QueuePlace place)
    {
        var json = string.Create(CultureInfo.InvariantCulture,
            $"{{\"position\":{place.Position},\"expected_seconds\":{place.ExpectedWait.TotalSeconds:0.###},\"waited_seconds\":{place.Waited.TotalSeconds:0.###}}}");
        try
        {
            hub.Publish(channel, "application/json", ByteString.CopyFromUtf8(json), audience);
        }
        catch (EngineOverloadedException)
        {
            // There are too many channels already; nobody listens to this one.
        }
    }
}
