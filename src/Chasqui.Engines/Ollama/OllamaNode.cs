using Chasqui.Engines.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Engines.Ollama;

/// <summary>A node that speaks Ollama's API: an Ollama, or a Chasqui over HTTP.</summary>
public sealed class OllamaNode : INodeConnection
{
    private readonly NodeHttp _http;
    private readonly OllamaEngine _engine;
    private readonly OllamaCapabilities _capabilities;

    /// <summary>Makes one; connects when it is first used.</summary>
    /// <param name="options">Where it is, and how patient we are.</param>
    /// <param name="passage">Takes requests in its own languages; null for none. Disposed with the node where it can be.</param>
    /// <param name="time">For the time-outs. Default: the system's.</param>
    /// <param name="logger">Where failures are told. Default: nowhere.</param>
    public OllamaNode(HttpNodeOptions options, IHttpPassage? passage = null, TimeProvider? time = null, ILogger? logger = null)
    {
        logger ??= NullLogger.Instance;
        _http = new NodeHttp(options, time ?? TimeProvider.System, logger);
        _engine = new OllamaEngine(_http, () => NodeLog.Nameless(logger, _http.Name));
        _capabilities = new OllamaCapabilities(_http);
        Passage = passage;
    }

    /// <inheritdoc/>
    public IEngine Engine => _engine;

    /// <inheritdoc/>
    public IHttpPassage? Passage { get; }

    /// <inheritdoc/>
    public async Task<NodeReport> ReportAsync(CancellationToken cancellationToken)
    {
        var asking = VersionAsync(cancellationToken);
        var listing = _engine.ListAsync(cancellationToken);
        var resident = _engine.ListResidentAsync(cancellationToken);
        await Task.WhenAll(asking, listing, resident).ConfigureAwait(false);
        var version = await asking.ConfigureAwait(false);
        _engine.IsChasqui = version.IsChasqui;
        return new NodeReport
        {
            Dialects = Passage is null ? Dialects.None : version.Dialects,
            Models = await _capabilities.FillAsync(await listing.ConfigureAwait(false), cancellationToken).ConfigureAwait(false),
            Resident = await resident.ConfigureAwait(false),
            Software = version.Software,
            IgnoresToolChoice = !version.IsChasqui,
            HoldsToolChoice = version.IsChasqui,
            Server = version.IsChasqui ? NodeServer.Other : NodeServer.Ollama,
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

    private async Task<OllamaVersion> VersionAsync(CancellationToken cancellationToken)
    {
        var reply = await _http.SendAsync(_http.Get("/api/version"), cancellationToken).ConfigureAwait(false);
        await using (reply.ConfigureAwait(false))
        {
            await reply.EnsureSuccessAsync().ConfigureAwait(false);
            var server = reply.Server;
            return await reply.ReadJsonAsync(json => new OllamaVersion(json.Text("version"), server)).ConfigureAwait(false);
        }
    }
}
