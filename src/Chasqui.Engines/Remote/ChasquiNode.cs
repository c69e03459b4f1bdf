using Chasqui.Client;

namespace Chasqui.Engines.Remote;

/// <summary>Another Chasqui, reached over MCP.</summary>
public sealed class ChasquiNode : INodeConnection
{
    private readonly ChasquiClient _client;
    private readonly RemoteEngine _engine;

    /// <summary>Makes one; connects when it is first used.</summary>
    /// <param name="client">The connection; disposed with the node.</param>
    /// <param name="name">For logs and errors. Default: where it is.</param>
    /// <param name="passage">Carries HTTP requests inside MCP; null for none. Disposed with the node where it can be.</param>
    public ChasquiNode(ChasquiClient client, string? name = null, IHttpPassage? passage = null)
    {
        _client = client;
        _engine = new RemoteEngine(client, name);
        Passage = passage;
        Messages = new WireMessages(client);
    }

    /// <inheritdoc/>
    public IEngine Engine => _engine;

    /// <inheritdoc/>
    public IHttpPassage? Passage { get; }

    /// <inheritdoc/>
    public IMessagePassage? Messages { get; }

    /// <summary>What is there and what runs. The slots are those of the resident model that has the most.</summary>
    /// <inheritdoc/>
    public async Task<NodeReport> ReportAsync(CancellationToken cancellationToken)
    {
        var asking = RemoteEngine.CallAsync(_client.GetServerInfoAsync(null, cancellationToken));
        var listing = _engine.ListAsync(cancellationToken);
        var residing = _engine.ListResidentAsync(cancellationToken);
        await Task.WhenAll(asking, listing, residing).ConfigureAwait(false);
        var info = await asking.ConfigureAwait(false);
        var resident = await residing.ConfigureAwait(false);
        var slots = resident.Select(m => m.Slots).DefaultIfEmpty().Max();
        return new NodeReport
        {
            HoldsToolChoice = true,
            // Over its operation "http" go all the languages that it has.
            Dialects = Passage is null ? Dialects.None
                : Dialects.Ollama | Dialects.OpenAi | Dialects.OpenAiResponses | Dialects.Anthropic | Dialects.AnthropicCountTokens,
            Models = await listing.ConfigureAwait(false),
            Resident = resident,
            Slots = slots > 0 ? slots : null,
            BusySlots = slots > 0 ? resident.Sum(m => m.Running) : null,
            Software = $"Chasqui {info.Version}".TrimEnd(),
        };
    }

    /// <summary>Closes its connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync().ConfigureAwait(false);
        if (Passage is IAsyncDisposable passage)
            await passage.DisposeAsync().ConfigureAwait(false);
        else
            (Passage as IDisposable)?.Dispose();
    }
}
