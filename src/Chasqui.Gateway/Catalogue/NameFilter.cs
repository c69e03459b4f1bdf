namespace Chasqui.Gateway.Catalogue;

/// <summary>Which models are let through. Immutable and thread-safe.</summary>
/// <param name="allow">Patterns of those that are; none for all.</param>
/// <param name="deny">Patterns of those that are not, whatever <paramref name="allow"/> says.</param>
public sealed class NameFilter(IReadOnlyList<string> allow, IReadOnlyList<string> deny)
{
    private readonly NamePattern[] _allow = [.. allow.Select(text => new NamePattern(text))];
    private readonly NamePattern[] _deny = [.. deny.Select(text => new NamePattern(text))];

    /// <summary>Whether a model is let through.</summary>
    public bool Allows(string model) => (_allow.Length == 0 || Any(_allow, model)) && !Any(_deny, model);

    private static bool Any(NamePattern[] patterns, string model)
    {
        foreach (var pattern in patterns)
        {
            if (pattern.Matches(model))
                return true;
        }
        return false;
    }
}
