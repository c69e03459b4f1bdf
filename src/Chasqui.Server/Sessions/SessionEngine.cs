using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Chasqui.Gateway.Sessions;

namespace Chasqui.Server;

/// <summary>An engine whose chats are turns of a session: what was said before is sent along, and what is said now is recorded before its end is told. For one request.</summary>
/// <param name="inner">Answers.</param>
/// <param name="turns">Records.</param>
/// <param name="named">The session.</param>
/// <param name="gate">Lets the request in before anything is written for it.</param>
/// <param name="begun">Told what is sent to the model.</param>
/// <param name="ended">Told the new version.</param>
internal sealed class SessionEngine(IEngine inner, SessionTurns turns, NamedSession named, CallerGate gate, Action<SessionTurn>? begun, Action<long>? ended) : IEngine
{
    // A request that is made again without thinking is the same turn.
    private SessionTurn? _turn;

    public string Name => inner.Name;

    /// <summary>What a request is told that names a session and is no chat.</summary>
    public static InvalidRequestException IsForChats() => new("a session is named, but this request continues a prompt; sessions are for chats");

    public IAsyncEnumerable<GenerationUpdate> GenerateAsync(GenerateRequest request, CancellationToken cancellationToken = default) =>
        throw IsForChats();

    public async IAsyncEnumerable<GenerationUpdate> ChatAsync(ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await gate.AdmitAsync(request.Model, request.Messages.Sum(message => (long)message.Content.Length), request.Options.NumPredict, cancellationToken).ConfigureAwait(false);
        var turn = _turn ??= await turns.BeginAsync(named.Key, named.Version, request.Messages, RoomOf(request.Options), cancellationToken).ConfigureAwait(false);
        begun?.Invoke(turn);
        var (text, thinking, calls) = (new StringBuilder(), new StringBuilder(), (List<JsonElement>?)null);
        await foreach (var update in inner.ChatAsync(request with { Messages = turn.Context.Messages }, cancellationToken).ConfigureAwait(false))
        {
            text.Append(update.Text);
            thinking.Append(update.Thinking);
            if (update.ToolCalls is { } made)
                (calls ??= []).AddRange(made.EnumerateArray());
            if (update.Result is not { } result || request.RenderOnly)
            {
                yield return update;
                continue;
            }
            var answer = new ChatMessage
            {
                Role = "assistant",
                Content = text.ToString(),
                Thinking = thinking.Length == 0 ? null : thinking.ToString(),
                ToolCalls = calls is null ? null : Join(calls),
            };
            // Whoever has left by now has been answered; what he was told is kept.
            var version = await turns.EndAsync(turn, answer, result.CompletionTokens, CancellationToken.None).ConfigureAwait(false);
            ended?.Invoke(version);
            yield return update with { Result = result with { Session = new SessionMark(named.Key.Id, version, turn.Context.Omitted) } };
        }
    }

    public Task<EmbedResult> EmbedAsync(EmbedRequest request, CancellationToken cancellationToken = default) => inner.EmbedAsync(request, cancellationToken);

    public Task<IReadOnlyList<int>> TokenizeAsync(TokenizeRequest request, CancellationToken cancellationToken = default) => inner.TokenizeAsync(request, cancellationToken);

    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken cancellationToken = default) => inner.ListAsync(cancellationToken);

    public Task<ModelDescription> ShowAsync(string model, CancellationToken cancellationToken = default) => inner.ShowAsync(model, cancellationToken);

    public Task<ResidentModel> LoadAsync(LoadRequest request, CancellationToken cancellationToken = default) => inner.LoadAsync(request, cancellationToken);

    public Task<bool> UnloadAsync(string model, CancellationToken cancellationToken = default) => inner.UnloadAsync(model, cancellationToken);

    public Task<IReadOnlyList<ResidentModel>> ListResidentAsync(CancellationToken cancellationToken = default) => inner.ListResidentAsync(cancellationToken);

    /// <summary>The engine is its owner's to dispose.</summary>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>What the context has room for beside the answer; a quarter of it where nobody says how long that may be.</summary>
    private static int? RoomOf(GenerationOptions options) => options.NumCtx is > 0 and var context
        ? Math.Max(1, context - (options.NumPredict is > 0 and var most && most < context ? most : context / 4))
        : null;

    private static JsonElement Join(List<JsonElement> calls)
    {
        var json = new ArrayBufferWriter<byte>(256);
        using (var writer = FunctionCall.PlainWriter(json))
        {
            writer.WriteStartArray();
            foreach (var call in calls)
                call.WriteTo(writer);
            writer.WriteEndArray();
        }
        return JsonElement.Parse(json.WrittenSpan);
    }
}
