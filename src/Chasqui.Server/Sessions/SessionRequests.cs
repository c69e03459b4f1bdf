using System.Globalization;
using System.Text.Json;
using Chasqui.Gateway.Sessions;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Reads what is asked of sessions.</summary>
internal static class SessionRequests
{
    private const int MaxTitle = 1_000;
    private const int MaxModel = 500;

    /// <summary>Settings, as far as a request names them.</summary>
    /// <param name="root">The request.</param>
    /// <param name="settings">What holds where it does not.</param>
    /// <param name="isNew">Whether the mode can still be chosen.</param>
    /// <param name="others">Members that are read elsewhere.</param>
    /// <exception cref="InvalidRequestException">A member is unknown, or its value cannot be.</exception>
    public static SessionSettings Settings(JsonElement root, SessionSettings settings, bool isNew, params ReadOnlySpan<string> others)
    {
        foreach (var member in Field.Root(root))
        {
            var value = member.Value;
            switch (member.Name)
            {
                case "title":
                    settings = settings with { Title = Text("title", value, MaxTitle) };
                    break;
                case "model":
                    settings = settings with { Model = Text("model", value, MaxModel) };
                    break;
                case "mode":
                    var mode = ModeOf(Text("mode", value, 100));
                    settings = isNew || mode == settings.Mode
                        ? settings with { Mode = mode }
                        : throw new InvalidRequestException("\"mode\" is chosen when a session is made; fork it to have another");
                    break;
                case "policy":
                    settings = settings with { Policy = PolicyOf(Text("policy", value, 100)) };
                    break;
                case "max_tokens":
                    var tokens = 0;
                    Field.Read("max_tokens", value, ref tokens);
                    if (value.ValueKind != JsonValueKind.Null && tokens is < 64 or > 10_000_000)
                        throw new InvalidRequestException($"\"max_tokens\" is {tokens.ToString(CultureInfo.InvariantCulture)}, but must be from 64 to 10000000, or null");
                    settings = settings with { MaxTokens = value.ValueKind == JsonValueKind.Null ? null : tokens };
                    break;
                default:
                    if (!others.Contains(member.Name))
                    {
                        throw new InvalidRequestException(
                            $"\"{Field.Clip(member.Name)}\" is not known here; there are title, model, mode, policy, max_tokens{string.Concat(others.ToArray().Select(one => ", " + one))}");
                    }
                    break;
            }
        }
        return settings;
    }

    /// <summary>A member that may be missing.</summary>
    public static string? Text(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? Text(name, value, MaxTitle) : null;

    /// <summary>A version that may be missing.</summary>
    public static long? Version(JsonElement root, string name)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var version) && version >= 0
            ? version : throw new InvalidRequestException($"\"{name}\" must be the number of a version, such as 7, not {Field.Clip(value.GetRawText())}");
    }

    /// <summary>The turns of <c>messages</c>, at least one.</summary>
    public static IReadOnlyList<SessionMessage> Messages(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("messages", out var messages))
            throw new InvalidRequestException("\"messages\" is required: send {\"messages\": [{\"role\": \"user\", \"content\": \"…\"}]}");
        List<SessionMessage> turns = [];
        foreach (var item in Field.Items("messages", messages))
        {
            var message = ChatFields.ReadMessage(item);
            if (message.Role.Length is 0 or > 100)
                throw new InvalidRequestException("each of \"messages\" must have a \"role\": system, user, assistant or tool");
            turns.Add(new SessionMessage(message, SessionContext.Estimate(message)));
        }
        return turns.Count > 0 ? turns : throw new InvalidRequestException("\"messages\" must have at least one message");
    }

    /// <summary>A number of the query.</summary>
    public static long Number(HttpRequest request, string name, long usual, long low, long high) =>
        !request.Query.TryGetValue(name, out var text) || text.Count == 0 ? usual
        : long.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= low && value <= high ? value
        : throw new InvalidRequestException(FormattableString.Invariant($"{name} is \"{RequestEntry.Printable(text.ToString())}\", but must be a whole number from {low} to {high}"));

    private static string Text(string name, JsonElement value, int most)
    {
        var text = "";
        Field.Read(name, value, ref text);
        return text.Length <= most ? text : throw new InvalidRequestException(FormattableString.Invariant($"\"{name}\" has {text.Length} characters, but may have {most}"));
    }

    private static SyncMode ModeOf(string text) => text switch
    {
        "immediate" => SyncMode.Immediate,
        "batched" => SyncMode.Batched,
        "local" => SyncMode.Local,
        _ => throw new InvalidRequestException($"\"mode\" is \"{Field.Clip(text)}\", but must be immediate, batched or local"),
    };

    private static ContextPolicy PolicyOf(string text) => text switch
    {
        "keep-all" => ContextPolicy.KeepAll,
        "keep-last" => ContextPolicy.KeepLast,
        "refuse" => ContextPolicy.Refuse,
        _ => throw new InvalidRequestException($"\"policy\" is \"{Field.Clip(text)}\", but must be keep-all, keep-last or refuse"),
    };
}
