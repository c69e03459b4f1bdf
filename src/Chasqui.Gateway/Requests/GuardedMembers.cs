using System.Text.Json;

namespace Chasqui.Gateway.Requests;

/// <summary>Members of a request that reach deeper into a node than an answer needs; a node's options say which it may be sent.</summary>
[Flags]
public enum GuardedMembers
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary><c>chat_template</c>, also inside of <c>chat_template_kwargs</c>: a program that the node runs for each prompt.</summary>
    ChatTemplate = 1,

    /// <summary><c>tokenize</c> inside of <c>chat_template_kwargs</c>: changes what the node's own code gets.</summary>
    Tokenize = 1 << 1,

    /// <summary><c>logits_processors</c>: names code to be run.</summary>
    LogitsProcessors = 1 << 2,

    /// <summary><c>custom_logit_processor</c>: is code to be run.</summary>
    CustomLogitProcessor = 1 << 3,

    /// <summary><c>prompt_embeds</c>: a serialised object in the place of a prompt.</summary>
    PromptEmbeds = 1 << 4,

    /// <summary><c>image_embeds</c>: the same in the place of an image.</summary>
    ImageEmbeds = 1 << 5,

    /// <summary><c>kv_transfer_params</c>: whom the node gets its cache from.</summary>
    KvTransferParams = 1 << 6,

    /// <summary><c>bootstrap_host</c>, <c>bootstrap_port</c>, <c>bootstrap_room</c>: the same for SGLang.</summary>
    Bootstrap = 1 << 7,

    /// <summary><c>lora</c>, <c>lora_path</c>: other weights than those of the model that a key allows.</summary>
    Lora = 1 << 8,

    /// <summary><c>id_slot</c>, <c>slot_id</c>: the place, with its cache, that another caller may have.</summary>
    Slot = 1 << 9,
}

/// <summary>Names of guarded members.</summary>
public static class GuardedMember
{
    private static readonly (string Name, GuardedMembers Member)[] _all =
    [
        ("chat_template", GuardedMembers.ChatTemplate), ("tokenize", GuardedMembers.Tokenize), ("logits_processors", GuardedMembers.LogitsProcessors),
        ("custom_logit_processor", GuardedMembers.CustomLogitProcessor), ("prompt_embeds", GuardedMembers.PromptEmbeds), ("image_embeds", GuardedMembers.ImageEmbeds),
        ("kv_transfer_params", GuardedMembers.KvTransferParams), ("bootstrap_host", GuardedMembers.Bootstrap), ("lora", GuardedMembers.Lora), ("id_slot", GuardedMembers.Slot),
    ];

    /// <summary>The names that an option may have; each stands for its siblings too.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. _all.Select(one => one.Name)];

    /// <summary>The first that a node is not to be sent, by its name; null where there is none.</summary>
    /// <param name="found">What the request has.</param>
    /// <param name="allowed">What the node may be sent.</param>
    public static string? Refused(GuardedMembers found, IReadOnlyList<string> allowed)
    {
        ArgumentNullException.ThrowIfNull(allowed);
        foreach (var (name, member) in _all)
        {
            if ((found & member) != 0 && !allowed.Contains(name))
                return name;
        }
        return null;
    }

    /// <summary>What a member of a request is, by its name in small letters. Stands at the value's end afterwards.</summary>
    internal static GuardedMembers Read(scoped ReadOnlySpan<byte> name, ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return GuardedMembers.None;
        if (name.SequenceEqual("chat_template_kwargs"u8) && reader.TokenType == JsonTokenType.StartObject)
            return ReadArguments(ref reader);
        reader.Skip();
        return Of(name);
    }

    internal static GuardedMembers Of(scoped ReadOnlySpan<byte> name) => name.Length switch
    {
        4 when name.SequenceEqual("lora"u8) => GuardedMembers.Lora,
        7 when name.SequenceEqual("id_slot"u8) || name.SequenceEqual("slot_id"u8) => GuardedMembers.Slot,
        9 when name.SequenceEqual("lora_path"u8) => GuardedMembers.Lora,
        12 when name.SequenceEqual("image_embeds"u8) || name.SequenceEqual("audio_embeds"u8) => GuardedMembers.ImageEmbeds,
        13 when name.SequenceEqual("chat_template"u8) => GuardedMembers.ChatTemplate,
        13 when name.SequenceEqual("prompt_embeds"u8) => GuardedMembers.PromptEmbeds,
        14 when name.SequenceEqual("bootstrap_host"u8) || name.SequenceEqual("bootstrap_port"u8) || name.SequenceEqual("bootstrap_room"u8) => GuardedMembers.Bootstrap,
        17 when name.SequenceEqual("logits_processors"u8) => GuardedMembers.LogitsProcessors,
        18 when name.SequenceEqual("kv_transfer_params"u8) => GuardedMembers.KvTransferParams,
        22 when name.SequenceEqual("custom_logit_processor"u8) => GuardedMembers.CustomLogitProcessor,
        _ => GuardedMembers.None,
    };

    /// <summary>What a template is told, which for some nodes may have the template itself.</summary>
    private static GuardedMembers ReadArguments(ref Utf8JsonReader reader)
    {
        var found = GuardedMembers.None;
        Span<byte> folded = stackalloc byte[FieldName.Longest];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = folded[..FieldName.Fold(reader.ValueSpan, reader.ValueIsEscaped, folded)];
            found |= name.SequenceEqual("chat_template"u8) ? GuardedMembers.ChatTemplate : name.SequenceEqual("tokenize"u8) ? GuardedMembers.Tokenize : GuardedMembers.None;
            reader.Read();
            reader.Skip();
        }
        return found;
    }
}
