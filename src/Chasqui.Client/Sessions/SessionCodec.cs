using System.Text.Json.Serialization;

namespace Chasqui.Client;

/// <summary>Sessions as JSON (docs/sessions.md).</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ChatSession))]
[JsonSerializable(typeof(SessionPage))]
[JsonSerializable(typeof(SessionChange))]
[JsonSerializable(typeof(SessionDraft))]
[JsonSerializable(typeof(SessionFork))]
[JsonSerializable(typeof(SessionAppend))]
[JsonSerializable(typeof(SessionError))]
internal sealed partial class SessionCodec : JsonSerializerContext;

internal sealed record SessionAppend(IReadOnlyList<SessionMessage> Messages, long? Version);

internal sealed record SessionFork(long? Version, string? Id, string? Title, string? Model, string? Mode, string? Policy, int? MaxTokens);

internal sealed record SessionError(string? Error);
