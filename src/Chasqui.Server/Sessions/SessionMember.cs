using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>The session that a chat's body names: <c>"session": "ID"</c>, or <c>"session": {"id": "ID", "version": 7}</c>. It is as good as the headers.</summary>
internal static class SessionMember
{
    /// <summary>Says it in headers, which is where it is read.</summary>
    /// <param name="json">The value of the member.</param>
    /// <param name="request">The request.</param>
    /// <exception cref="InvalidRequestException">It is none, or the headers name another one.</exception>
    public static void Apply(ReadOnlyMemory<byte> json, HttpRequest request)
    {
        using var document = JsonDocument.Parse(json);
        var value = document.RootElement;
        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                return;
            case JsonValueKind.String:
                Set(request, SessionHeaders.Session, value.GetString()!);
                return;
            case JsonValueKind.Object:
                foreach (var member in value.EnumerateObject())
                {
                    if (member is not ({ Name: "id", Value.ValueKind: JsonValueKind.String } or { Name: "version", Value.ValueKind: JsonValueKind.Number or JsonValueKind.Null }))
                        throw Wrong(value);
                }
                if (SessionRequests.Text(value, "id") is not { } id)
                    throw Wrong(value);
                Set(request, SessionHeaders.Session, id);
                if (SessionRequests.Version(value, "version") is { } version)
                    Set(request, SessionHeaders.Version, version.ToString(CultureInfo.InvariantCulture));
                return;
            default:
                throw Wrong(value);
        }
    }

    private static void Set(HttpRequest request, string header, string value)
    {
        if (request.Headers.TryGetValue(header, out var said) && said.ToString() != value)
            throw new InvalidRequestException($"\"session\" of the body says \"{Field.Clip(value)}\", but header {header} says \"{RequestEntry.Printable(said.ToString())}\"; name one session");
        request.Headers[header] = value;
    }

    private static InvalidRequestException Wrong(JsonElement value) =>
        new($"\"session\" is {Field.Clip(value.GetRawText())}, but must be the id of a session, \"new\", or {{\"id\": \"ID\", \"version\": 7}}");
}
