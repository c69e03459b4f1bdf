using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>
/// What the requests of the OpenAI API have in common, as read. Names match whatever their case and <c>null</c> says nothing, as in Ollama. A field is
/// translated, without meaning here and taken as it is, refused by name, or unknown; unknown ones are passed over, and named in a header of the answer.
/// </summary>
internal abstract class OpenAiFields
{
    private readonly PassedOver _passedOver = new();
    private string _model = "";
    private bool _stream;

    public string Model => _model;

    public bool Stream => _stream;

    /// <summary>Whether a stream tells at its end what it took.</summary>
    public bool IncludeUsage { get; private set; }

    /// <summary>Reads a whole request.</summary>
    /// <exception cref="InvalidRequestException">A field is wrong, or asks for what cannot be done.</exception>
    public void Read(JsonElement root)
    {
        foreach (var member in Field.Root(root))
        {
            if (member.Value.ValueKind == JsonValueKind.Null)
                continue;
            var name = member.Name.ToLowerInvariant();
            try
            {
                if (!ReadCommon(name, member.Value) && !ReadField(name, member.Value) && !FieldRules.Check(name, member.Value))
                    PassOver(name);
            }
            catch (InvalidRequestException e) when (e is not InvalidParameterException)
            {
                throw new InvalidParameterException(name, e.Message);
            }
        }
        if (_model.Length == 0)
            throw new InvalidParameterException("model", "model is required");
    }

    /// <summary>Notes what was asked for, and tells what of it was passed over.</summary>
    public void Note(HttpContext http)
    {
        RequestState.Of(http).Model = _model;
        _passedOver.Tell(http);
    }

    /// <summary>Remembers what has no meaning here, to be named.</summary>
    protected void PassOver(string what) => _passedOver.Add(what);

    /// <summary>Reads a field that only this kind of request has.</summary>
    /// <returns>False where it has no such field.</returns>
    protected abstract bool ReadField(string name, JsonElement value);

    private bool ReadCommon(string name, JsonElement value)
    {
        switch (name)
        {
            case "model":
                Field.Read(name, value, ref _model);
                return true;
            case "stream":
                Field.Read(name, value, ref _stream);
                return true;
            case "stream_options":
                foreach (var option in Field.Members(name, value))
                {
                    var usage = IncludeUsage;
                    if (option.NameEquals("include_usage"u8))
                        Field.Read("stream_options.include_usage", option.Value, ref usage);
                    IncludeUsage = usage;
                }
                return true;
            default:
                return false;
        }
    }
}
