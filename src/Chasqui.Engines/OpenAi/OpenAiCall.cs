using System.Text;
using System.Text.Json;

namespace Chasqui.Engines.OpenAi;

/// <summary>
/// A call of a tool as its pieces come. Most servers send id and name once and then the arguments, but some repeat them in each piece, some make a new id for each
/// piece, and some send whole calls one after the other under one index or under none.
/// </summary>
/// <param name="index">The index that the server gives it; less than 0 for none.</param>
internal sealed class OpenAiCall(int index)
{
    private readonly StringBuilder _name = new();
    private readonly StringBuilder _arguments = new();

    public int Index => index;

    public string Id { get; private set; } = "";

    public string Name => _name.ToString();

    public string Arguments => _arguments.ToString();

    /// <summary>Whether a piece that might belong to this call begins another one.</summary>
    public bool IsFollowedBy(string id, string name, string arguments)
    {
        // No call begins without its name.
        if (name.Length == 0)
            return false;
        if (id.Length > 0 && Id.Length > 0 && id != Id)
            return name != Name || _arguments.Length == 0 || IsWhole();
        // One that is whole takes no more.
        return id.Length == 0 && _arguments.Length > 0 && (name != Name || arguments.TrimStart().StartsWith('{')) && IsWhole();
    }

    /// <summary>Takes a piece of this call.</summary>
    public void Add(string id, string name, string arguments)
    {
        if (id.Length > 0 && Id.Length == 0)
            Id = id;
        // A name that is said again is the same name; else it comes in pieces too.
        if (name.Length > 0 && !name.Equals(Name, StringComparison.Ordinal))
            _name.Append(name);
        _arguments.Append(arguments);
    }

    private bool IsWhole()
    {
        try
        {
            using var document = JsonDocument.Parse(Arguments);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
