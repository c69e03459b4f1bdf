using System.Collections.Frozen;
using Chasqui.Gateway;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>One path, or all that begin with it where it ends with a slash and is more than that: its methods in the order in which <c>Allow</c> names them, and what answers them.</summary>
internal sealed record Route(string Path, string[] Methods, Func<ApiContext, HttpContext, Task> Handler)
{
    private readonly Scopes? _scope;

    /// <summary>How a missing model is worded here.</summary>
    public NotFoundWording NotFound { get; init; }

    /// <summary>The language in which a request may go on to a node that speaks it; none where the gateway answers itself.</summary>
    public Dialects Dialect { get; init; }

    /// <summary>Whether the path is only the beginning, and what follows it, which is not empty and does not end with a slash, a part of the request.</summary>
    public bool IsPrefix { get; init; }

    /// <summary>What is asked of a model here, in the words of telemetry; null where none is asked.</summary>
    public string? Operation { get; init; }

    /// <summary>Whether a text is only counted here: it stands under the limits as a prompt does.</summary>
    public bool CountsTokens => Dialect == Dialects.AnthropicCountTokens;

    /// <summary>What a key must reach to. Default <see cref="Scopes.Infer"/> where something is asked of a model, else any key will do.</summary>
    public Scopes Scope { get => _scope ?? (Operation is null ? Scopes.None : Scopes.Infer); init => _scope = value; }

    /// <summary>The form of errors here.</summary>
    public ApiForm Form { get; init; } = OllamaForm.Instance;

    /// <summary>Whether its body may be of any length and is read as it comes.</summary>
    public bool StreamsBody { get; init; }
}

/// <summary>All paths, matched as gin matches them: exactly, case and all.</summary>
internal static class ApiRoutes
{
    private static readonly Route[] _all = [.. OllamaRoutes.All, .. ChasquiRoutes.All, .. OpenAiRoutes.All, .. AnthropicRoutes.All];

    private static readonly FrozenDictionary<string, Route> _exact =
        _all.Where(route => !route.IsPrefix).ToFrozenDictionary(route => route.Path, StringComparer.Ordinal);

    private static readonly Route[] _prefixes = [.. _all.Where(route => route.IsPrefix)];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Route> All => _all;

    /// <summary>The route of a path; null where there is none.</summary>
    public static Route? Find(string path)
    {
        if (_exact.TryGetValue(path, out var exact))
            return exact;
        foreach (var route in _prefixes)
        {
            if (path.Length > route.Path.Length && path[^1] != '/' && path.StartsWith(route.Path, StringComparison.Ordinal))
                return route;
        }
        return null;
    }
}
