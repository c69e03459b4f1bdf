namespace Chasqui.Gateway;

/// <summary>What a key may be used for. To look at the models that there are needs none of them.</summary>
[Flags]
public enum Scopes
{
    /// <summary>Nothing but looking.</summary>
    None = 0,

    /// <summary>To generate, to embed, to count tokens, and to listen to channels.</summary>
    Infer = 1,

    /// <summary>To load, unload, pull, push, make, copy and delete models, and to pin them.</summary>
    Models = 2,

    /// <summary>To see the nodes and the metrics, and to publish on channels.</summary>
    Admin = 4,

    /// <summary>Everything.</summary>
    All = Infer | Models | Admin,
}

/// <summary>Scopes as texts: <c>infer</c>, <c>models</c>, <c>admin</c>.</summary>
public static class ScopeNames
{
    private static readonly (string Name, Scopes Scope)[] _all = [("infer", Scopes.Infer), ("models", Scopes.Models), ("admin", Scopes.Admin)];

    /// <summary>What there is, for people.</summary>
    public const string Expected = "infer, models or admin";

    /// <summary>One scope by its name; null for what is none.</summary>
    public static Scopes? Read(string name)
    {
        foreach (var (known, scope) in _all)
        {
            if (string.Equals(known, name, StringComparison.OrdinalIgnoreCase))
                return scope;
        }
        return null;
    }

    /// <summary>The names of all that are set.</summary>
    public static IReadOnlyList<string> Of(Scopes scopes) => [.. _all.Where(known => scopes.HasFlag(known.Scope)).Select(known => known.Name)];
}
