using System.Diagnostics.CodeAnalysis;

namespace Chasqui.Engines.Models;

/// <summary>
/// A model's name in Ollama's form, <c>[host/][namespace/]model[:tag]</c>, with the parts that were left out filled in:
/// host <c>registry.ollama.ai</c>, namespace <c>library</c>, tag <c>latest</c>.
/// </summary>
/// <remarks>
/// A part begins with a letter, a digit or <c>_</c>, goes on with those, <c>-</c> and <c>.</c> (no <c>.</c> in a namespace;
/// <c>:</c> too in a host), all ASCII, and has at most 80 characters (a host 350). So no part is <c>..</c> or holds a path
/// separator, and <see cref="RelativePath"/> stays inside the folder it is joined to. Names are equal without regard to case.
/// The form is that of <c>types/model/name.go</c> in Ollama 0.33. Immutable and thread-safe.
/// </remarks>
public sealed class ModelName : IEquatable<ModelName>
{
    private const string DefaultHost = "registry.ollama.ai";
    private const string DefaultNamespace = "library";
    private const string DefaultTag = "latest";
    private const int MaxPart = 80;
    private const int MaxHost = 350;

    private ModelName(string host, string space, string model, string tag)
    {
        Host = host;
        Namespace = space;
        Model = model;
        Tag = tag;
    }

    /// <summary>The registry, e.g. <c>registry.ollama.ai</c> or <c>localhost:5000</c>.</summary>
    public string Host { get; }

    /// <summary>The owner, e.g. <c>library</c>.</summary>
    public string Namespace { get; }

    /// <summary>The model's own name, e.g. <c>mini</c>.</summary>
    public string Model { get; }

    /// <summary>The variant, e.g. <c>latest</c> or <c>7b</c>.</summary>
    public string Tag { get; }

    /// <summary>The form that is shown: default host and namespace left out, the tag always there.</summary>
    public string Short =>
        !Same(Host, DefaultHost) ? $"{Host}/{Namespace}/{Model}:{Tag}"
        : !Same(Namespace, DefaultNamespace) ? $"{Namespace}/{Model}:{Tag}"
        : $"{Model}:{Tag}";

    /// <summary>Where Ollama's store keeps the manifest, below its <c>manifests</c> folder.</summary>
    public string RelativePath => Path.Combine(Host, Namespace, Model, Tag);

    /// <summary>Reads a name.</summary>
    /// <exception cref="InvalidModelNameException">It is not of the form described above.</exception>
    public static ModelName Parse(string text) =>
        TryParse(text, out var name) ? name : throw new InvalidModelNameException(Shorten(text));

    /// <summary>Reads a name; false when it is not of the form described above.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ModelName? name)
    {
        name = null;
        if (text is null || !ModelNames.IsPlausible(text))
            return false;

        // What a name means is decided in one place; here it is only taken apart.
        var (rest, tag) = CutLast(ModelNames.Canonical(text), ':');
        return rest.Split('/') switch
        {
            [var model] => TryCreate(DefaultHost, DefaultNamespace, model, tag, out name),
            [var space, var model] => TryCreate(DefaultHost, space, model, tag, out name),
            [var host, var space, var model] => TryCreate(host, space, model, tag, out name),
            _ => false,
        };
    }

    /// <summary>Puts a name together from parts that must all be there; false when one is not valid.</summary>
    public static bool TryCreate(
        string host, string space, string model, string tag, [NotNullWhen(true)] out ModelName? name)
    {
        name = IsPart(host, MaxHost, dot: true, colon: true)
            && IsPart(space, MaxPart, dot: false, colon: false)
            && IsPart(model, MaxPart, dot: true, colon: false)
            && IsPart(tag, MaxPart, dot: true, colon: false)
            ? new ModelName(host, space, model, tag) : null;
        return name is not null;
    }

    /// <summary>
    /// The name of a file in a folder of models: its name without <c>.gguf</c> and without the numbering of a split file,
    /// every run of characters that a name cannot hold replaced by one <c>-</c>, none of them at the start, cut at 80 characters,
    /// with the tag <c>latest</c>; so <c>My model-Q4_K_M.gguf</c> is <c>My-model-Q4_K_M:latest</c>. False when nothing is left.
    /// </summary>
    public static bool TryFromFile(string fileName, [NotNullWhen(true)] out ModelName? name)
    {
        var stem = Path.GetFileName(fileName);
        if (stem.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            stem = stem[..^".gguf".Length];
        if (SplitName.TryParse(stem, out var split))
            stem = split.Stem;

        var kept = new System.Text.StringBuilder(stem.Length);
        foreach (var c in stem)
        {
            if (IsWord(c) || (c is '.' or '-' && kept.Length > 0))
                kept.Append(c);
            else if (kept.Length > 0 && kept[^1] != '-')
                kept.Append('-');
        }
        var model = kept.ToString(0, Math.Min(kept.Length, MaxPart)).TrimEnd('-', '.');
        return TryCreate(DefaultHost, DefaultNamespace, model, DefaultTag, out name);
    }

    /// <inheritdoc/>
    public bool Equals(ModelName? other) => other is not null
        && Same(Host, other.Host) && Same(Namespace, other.Namespace) && Same(Model, other.Model) && Same(Tag, other.Tag);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ModelName);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(
        StringComparer.OrdinalIgnoreCase.GetHashCode(Host), StringComparer.OrdinalIgnoreCase.GetHashCode(Namespace),
        StringComparer.OrdinalIgnoreCase.GetHashCode(Model), StringComparer.OrdinalIgnoreCase.GetHashCode(Tag));

    /// <summary>The full form, <c>host/namespace/model:tag</c>.</summary>
    public override string ToString() => $"{Host}/{Namespace}/{Model}:{Tag}";

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    private static (string Before, string After) CutLast(string text, char separator)
    {
        var at = text.LastIndexOf(separator);
        return (text[..at], text[(at + 1)..]);
    }

    private static bool IsPart(string part, int longest, bool dot, bool colon) =>
        part.Length >= 1 && part.Length <= longest && IsWord(part[0])
        && part.AsSpan(1).IndexOfAnyExcept(Allowed(dot, colon)) < 0;

    private static System.Buffers.SearchValues<char> Allowed(bool dot, bool colon) => colon ? _hostPart : dot ? _namePart : _namespacePart;

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';

    // An error message need not repeat a megabyte of name.
    private static string Shorten(string? text) => text is null ? "" : text.Length <= 200 ? text : text[..200] + "…";

    private const string Words = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    private static readonly System.Buffers.SearchValues<char> _namespacePart = System.Buffers.SearchValues.Create(Words);
    private static readonly System.Buffers.SearchValues<char> _namePart = System.Buffers.SearchValues.Create(Words + ".");
    private static readonly System.Buffers.SearchValues<char> _hostPart = System.Buffers.SearchValues.Create(Words + ".:");
}
