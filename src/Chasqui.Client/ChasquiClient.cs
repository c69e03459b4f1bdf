using System.Runtime.CompilerServices;
using Chasqui.Protocol.Messages;
using Chasqui.Protocol.Operations;
using Chasqui.Transport;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Chasqui.Client;

/// <summary>
/// A gateway over MCP/1. It connects when the first request is made, again when the connection is lost, and sends any number of requests over one
/// connection at once. Thread-safe.
/// </summary>
/// <remarks>Every failure of the gateway or of the connection is a <see cref="ClientException"/>; a cancelled call throws <see cref="OperationCanceledException"/>.
/// Leaving a stream early cancels it at the gateway.</remarks>
public sealed partial class ChasquiClient : IAsyncDisposable
{
    private readonly ConnectionPool _pool;
    private readonly Caller _caller;
    private readonly Resuming _resuming;

    /// <summary>Makes a client; nothing is sent yet.</summary>
    /// <param name="options">Copied; null for the defaults.</param>
    /// <param name="logger">For the connection's log; null for none.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    public ChasquiClient(ChasquiClientOptions? options = null, ILogger<ChasquiClient>? logger = null, TimeProvider? time = null)
    {
        Options = (options ?? new ChasquiClientOptions()).Clone();
        Options.Validate();
        time ??= TimeProvider.System;
        var dialer = new Dialer(Options, time, logger ?? NullLogger<ChasquiClient>.Instance);
        _pool = new ConnectionPool(dialer.DialAsync, Options, time);
        _caller = new Caller(_pool, Options, time);
        _resuming = new Resuming(_caller, Options, time);
        Sessions = new SessionCalls(this);
    }

    internal ChasquiClient(ChasquiClientOptions options, Func<CancellationToken, Task<Connection>> dial, TimeProvider time)
    {
        Options = options.Clone();
        Options.Validate();
        _pool = new ConnectionPool(dial, Options, time);
        _caller = new Caller(_pool, Options, time);
        _resuming = new Resuming(_caller, Options, time);
        Sessions = new SessionCalls(this);
    }

    /// <summary>Makes a client for an endpoint.</summary>
    /// <param name="endpoint">See <see cref="ChasquiClientOptions.Endpoint"/>.</param>
    public ChasquiClient(string endpoint)
        : this(new ChasquiClientOptions { Endpoint = endpoint })
    {
    }

    /// <summary>Where the gateway is, as it was given.</summary>
    public string Endpoint => Options.Endpoint;

    /// <summary>Conversations that the gateway keeps.</summary>
    public SessionCalls Sessions { get; }

    /// <summary>Connections that can take requests now.</summary>
    public int Connections => _pool.Count;

    internal ChasquiClientOptions Options { get; }

    /// <summary>Connects, unless there is a connection already.</summary>
    /// <exception cref="ClientException">It cannot.</exception>
    public async Task ConnectAsync(CancellationToken cancellationToken = default) =>
        await _pool.RentAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Continues a prompt. The last update has a result.</summary>
    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(
        GenerateRequest request, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        UpdatesAsync(Operation.Generate, request, call, cancellationToken);

    /// <summary>Answers a conversation. The last update has a result.</summary>
    public IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        UpdatesAsync(Operation.Chat, request, call, cancellationToken);

    /// <summary>Continues a prompt or answers a conversation. The last update has a result.</summary>
    public IAsyncEnumerable<GenerationUpdate> InferAsync(InferRequest request, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        UpdatesAsync(Operation.Infer, request, call, cancellationToken);

    /// <summary>Follows a generation that somebody else has begun, or whose request is gone.</summary>
    /// <param name="generationId">Its <see cref="CallOptions.GenerationId"/>.</param>
    /// <param name="offset">Updates that are known already; those after them come.</param>
    /// <param name="call">What the request wants.</param>
    /// <param name="cancellationToken">Leaves it. Where nobody else reads it, it ends.</param>
    public IAsyncEnumerable<GenerationUpdate> ResumeAsync(string generationId, int offset = 0, CallOptions? call = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(generationId);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return _caller.StreamAsync(
            Operation.GenerationResume, new ResumeRequest { Id = generationId, Offset = (uint)offset }, GenerationUpdate.Parser, call, cancellationToken);
    }

    /// <summary>Ends a generation that the gateway keeps, whoever reads it.</summary>
    public Task CancelGenerationAsync(string generationId, CallOptions? call = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(generationId);
        return _caller.UnaryAsync(Operation.GenerationCancel, new GenerationName { Id = generationId }, Empty.Parser, call, cancellationToken);
    }

    /// <summary>Turns texts into vectors.</summary>
    public Task<EmbedResponse> EmbedAsync(EmbedRequest request, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(Operation.Embed, request, EmbedResponse.Parser, call, cancellationToken);

    /// <summary>Turns a text into token ids.</summary>
    public Task<TokenizeResponse> TokenizeAsync(TokenizeRequest request, CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(Operation.Tokenize, request, TokenizeResponse.Parser, call, cancellationToken);

    /// <summary>What the gateway is.</summary>
    public Task<ServerInfo> GetServerInfoAsync(CallOptions? call = null, CancellationToken cancellationToken = default) =>
        _caller.UnaryAsync(Operation.ServerInfo, new Empty(), ServerInfo.Parser, call, cancellationToken);

    /// <summary>Says goodbye and closes. Requests that run end with an error.</summary>
    public ValueTask DisposeAsync() => _pool.DisposeAsync();

    private async IAsyncEnumerable<GenerationUpdate> UpdatesAsync(
        string operation, Google.Protobuf.IMessage request, CallOptions? call, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var ended = false;
        var updates = call?.Resume ?? Options.Resume
            ? _resuming.GenerateAsync(operation, request, call ?? CallOptions.Default, cancellationToken)
            : _caller.StreamAsync(operation, request, GenerationUpdate.Parser, call, cancellationToken);
        await foreach (var update in updates.ConfigureAwait(false))
        {
            ended |= update.Result is not null;
            yield return update;
        }

        if (!ended)
            throw ClientException.Of("bad_answer", "the answer ended without its result");
    }
}
