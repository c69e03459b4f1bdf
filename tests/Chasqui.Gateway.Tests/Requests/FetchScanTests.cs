using System.Text;
using Chasqui.Gateway.Requests;

namespace Chasqui.Gateway.Tests.Requests;

/// <summary>What a node would have to fetch, and members that not every node is to be sent, found in bodies that pass by unread.</summary>
public sealed class FetchScanTests
{
    public static TheoryData<string> Inside { get; } =
    [
        "http://127.0.0.1/x", "http://127.1/x", "http://2130706433/x", "http://0x7f000001", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/", "http://127.0.0.1:11434/api/tags",
        "http://0.0.0.0/", "http://0/", "http://10.1.2.3/x", "http://172.16.0.1", "http://172.31.255.255", "http://192.168.1.1", "http://192.168.257", "http://169.254.169.254/latest/meta-data",
        "http://2852039166/", "http://100.64.0.1", "http://100.100.100.200/", "http://168.63.129.16/", "http://224.0.0.1/", "http://255.255.255.255", "http://198.18.0.1",
        "http://999.1.1.1/", "http://1.2.3.4.5/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fc00::1]/", "http://[fd12::1]/",
        "http://[ff02::1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[2001:db8::1]/", "http://[2001::1]/", "http://[::127.0.0.1]/", "http://[nonsense]/", "http://[::1",
        "http://localhost/", "http://LOCALHOST:80/", "http://localhost./", "http://a.localhost/", "http://printer.local/", "http://metadata.google.internal/computeMetadata", "http://redis:6379/", "http://metadata/",
        "http://x.home.arpa/", "http://127.0.0.1.nip.io/", "http://localtest.me/", "http://", "http:///x", "http://user@example.com/", "http://example.com@127.0.0.1/", "http://example.com\\\\@127.0.0.1/",
        "http:\\\\\\\\127.0.0.1/", "http://127.0.0.%31/", "http://exa mple.com/", "http://１２７.0.0.1/", "http://127。0。0。1/", "http://example..com/", "http://.example.com/", "http://example.com:80x/",
        "file:///etc/passwd", "FILE:/etc/passwd", "ftp://example.com/x", "gopher://example.com/x", "//127.0.0.1/x", "picture.png", "/etc/passwd.png", "http:\\/\\/127.0.0.1\\/x", "\\u0068ttp://127.0.0.1/", " http://127.0.0.1/", "\\thttp://[::1]/",
        "http://127.0.0.1\\n/", "hTTp://127.0.0.1", "http:127.0.0.1", "http:/127.0.0.1",
        // Letters of base64 alone, which llama.cpp's server, SGLang or Transformers take for an address or for the name of a file.
        "/etc/passwd", "\\/etc\\/passwd", "//metadata/latest", "//localhost/x", "httpmetadata/x", "http//metadata/x", "HTTPx", "file", "file//etc/passwd", "secret/imagepng", "/srv/secretjpg", "AAAA", "AAAAftyp",
        "//uQxAAA", "9j/4AAQ", "iVBORw0KGgo/../x.png",
    ];

    public static TheoryData<string> Outside { get; } =
    [
        "http://example.com/a.png", "https://EXAMPLE.com:8443/a?b=c#d", "https://1.1.1.1/", "http://16843009/", "http://[2606:4700::1111]/x", "https://[2606:4700::1111]:443/", "https://cdn.localhost.example.com/x",
        "https://example.com/@127.0.0.1", "https://example.com/?u=http://127.0.0.1", "https:\\/\\/example.com\\/a.png", "https://xn--bcher-kva.example.com/", "http://172.32.0.1/", "http://11.0.0.1", "https://example.com.",
    ];

    public static TheoryData<string> None { get; } =
    [
        "data:image/png;base64,AAAA", "DATA:image/png;base64,AAAA", "data:image\\/png;base64,AA\\/A", "\\u0064ata:,x", " data:,x", "", "iVBORw0KGgo+/=", "iVBORw0KGgo\\/A",
        "/9j/4AAQSkZJRg", "\\/9j\\/4AAQ", "R0lGODlhAQAB", "UklGRiQAAABXRUJQ", "AAAAIGZ0eXBhdmlm", "GkXfo59C", "JVBERi0x", " data:,/etc/passwd",
    ];

    [Theory]
    [MemberData(nameof(Inside))]
    public void What_leads_inside_is_private(string url) => AssertFetches(url, Fetches.Private);

    [Theory]
    [MemberData(nameof(Outside))]
    public void What_leads_outside_is_public(string url) => AssertFetches(url, Fetches.Public);

    [Theory]
    [MemberData(nameof(None))]
    public void What_stands_in_the_request_is_not_fetched(string url) => AssertFetches(url, Fetches.Nothing);

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"detail":"low","url":"URL"}}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"URL"}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"user","content":[{"IMAGE_\u0075rl":{"Url":"URL"}}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"audio_url","audio_url":{"url":"URL"}}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"video_url","video_url":{"url":"URL"}}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"user","content":[{"image":"URL"}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image","image":"/etc/passwd"}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"audio","audio":"httpmetadata/x"}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"content":[{"image_url":{"url":"URL"}}]}],"messages":[]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[],"messages":[{"content":[{"image_url":{"url":"URL"}}]}],"messages":[]}""", Dialects.OpenAi)]
    [InlineData("""{"input":"x","messages":[{"content":[{"image_url":{"url":"URL"}}]}],"messages":[],"tools":[]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"content":[{"image_url":{"url":"data:,x"}},{"image_url":{"url":"URL"}},{"image_url":{"url":"https://example.com/"}}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"input":[{"role":"user","content":[{"type":"input_image","image_url":"URL"}]}]}""", Dialects.OpenAiResponses)]
    [InlineData("""{"input":[{"role":"user","content":[{"type":"input_file","file_url":"URL"}]}]}""", Dialects.OpenAiResponses)]
    [InlineData("""{"input":[{"type":"function_call_output","output":[{"type":"input_image","image_url":"URL"}]}]}""", Dialects.OpenAiResponses)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"URL"}}]}]}""", Dialects.Anthropic)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"document","source":{"url":"URL","type":"url"}}]}]}""", Dialects.AnthropicCountTokens)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"url","url":"URL"}}]}]}]}""", Dialects.Anthropic)]
    public void Every_place_of_every_API_is_seen(string json, Dialects dialect)
    {
        using var inside = Read(dialect, json.Replace("URL", "http://10.0.0.1/a.png", StringComparison.Ordinal));
        Assert.Equal(Fetches.Private, inside.Fetches);
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"see http://127.0.0.1/"},{"role":"user","content":[{"type":"text","text":"http://10.0.0.1"}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"x","image":"a cat on a mat"},{"image":"iVBORw0KGgoAAAA"}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":"{\"image_url\":\"http://10.0.0.1\"}"}}]}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"image_url":{"url":"http://10.0.0.1"}}}}]},{"content":"x"}]}""", Dialects.OpenAi)]
    [InlineData("""{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{"source":{"url":"http://10.0.0.1"},"image_url":"http://10.0.0.1"}},{"type":"text","text":"x"}]}]}""", Dialects.Anthropic)]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"search_result","source":"http://10.0.0.1","title":"t","content":[]}]}]}""", Dialects.Anthropic)]
    [InlineData("""{"input":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[{"type":"url_citation","url":"http://10.0.0.1"}]}]}]}""", Dialects.OpenAiResponses)]
    [InlineData("""{"messages":[{"role":"user","content":"x","images":["AAAA"],"tool_calls":[{"function":{"name":"f","arguments":{"url":"http://10.0.0.1"}}}]}]}""", Dialects.Ollama)]
    public void What_no_node_fetches_is_not_counted(string json, Dialects dialect)
    {
        using var scan = Read(dialect, json);
        Assert.Equal(Fetches.Nothing, scan.Fetches);
    }

    [Theory]
    [InlineData("""{"chat_template":"{{ x }}"}""", GuardedMembers.ChatTemplate)]
    [InlineData("""{"Chat_Templat\u0065":"{{ x }}","model":"m"}""", GuardedMembers.ChatTemplate)]
    [InlineData("""{"chat_template_kwargs":{"enable_thinking":false,"chat_template":"x"}}""", GuardedMembers.ChatTemplate)]
    [InlineData("""{"chat_template_kwargs":{"chat_template":"x"},"chat_template_kwargs":{}}""", GuardedMembers.ChatTemplate)]
    [InlineData("""{"chat_template_kwargs":{"tokenize":true}}""", GuardedMembers.Tokenize)]
    [InlineData("""{"logits_processors":[{"qualname":"os.system"}]}""", GuardedMembers.LogitsProcessors)]
    [InlineData("""{"custom_logit_processor":"{}"}""", GuardedMembers.CustomLogitProcessor)]
    [InlineData("""{"prompt_embeds":"AAAA"}""", GuardedMembers.PromptEmbeds)]
    [InlineData("""{"messages":[{"content":[{"type":"image_embeds","image_embeds":"AAAA"}]}]}""", GuardedMembers.ImageEmbeds)]
    [InlineData("""{"kv_transfer_params":{"remote_host":"10.0.0.1"}}""", GuardedMembers.KvTransferParams)]
    [InlineData("""{"bootstrap_host":"10.0.0.1","bootstrap_port":1}""", GuardedMembers.Bootstrap)]
    [InlineData("""{"bootstrap_room":1}""", GuardedMembers.Bootstrap)]
    [InlineData("""{"lora":[{"id":0,"scale":1.0}],"id_slot":3}""", GuardedMembers.Lora | GuardedMembers.Slot)]
    [InlineData("""{"lora_path":"x"}""", GuardedMembers.Lora)]
    [InlineData("""{"slot_id":3}""", GuardedMembers.Slot)]
    [InlineData("""{"chat_template":null,"lora":null,"chat_template_kwargs":{"enable_thinking":true},"guided_json":{},"grammar":"x","structured_outputs":{"regex":"a"},"cache_prompt":true}""", GuardedMembers.None)]
    [InlineData("""{"metadata":{"chat_template":"x","lora":1}}""", GuardedMembers.None)]
    public void Members_that_reach_deep_are_seen(string json, GuardedMembers expected)
    {
        foreach (var dialect in (Dialects[])[Dialects.OpenAi, Dialects.OpenAiResponses, Dialects.Anthropic])
        {
            using var scan = Read(dialect, json);
            if (dialect == Dialects.OpenAi || !json.Contains("messages", StringComparison.Ordinal))
                Assert.Equal(expected, scan.Guarded);
        }
    }

    [Fact]
    public void A_scan_that_is_used_again_has_forgotten_it()
    {
        using (var scan = Read(Dialects.OpenAi, """{"lora":1,"messages":[{"content":[{"image_url":"file:///x"}]}]}"""))
            Assert.Equal((Fetches.Private, GuardedMembers.Lora), (scan.Fetches, scan.Guarded));
        using var again = Read(Dialects.OpenAi, "{}");
        Assert.Equal((Fetches.Nothing, GuardedMembers.None), (again.Fetches, again.Guarded));
    }

    [Fact]
    public void Each_guarded_member_has_a_name_by_which_it_is_allowed()
    {
        foreach (var member in Enum.GetValues<GuardedMembers>().Where(member => member != GuardedMembers.None))
        {
            var name = Assert.IsType<string>(GuardedMember.Refused(member, []));
            Assert.Null(GuardedMember.Refused(member, [name]));
        }
        Assert.Equal("lora", GuardedMember.Refused(GuardedMembers.ChatTemplate | GuardedMembers.Lora, ["chat_template"]));
    }

    private static void AssertFetches(string url, Fetches expected)
    {
        using var chat = Read(Dialects.OpenAi, $$$"""{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"{{{url}}}"}}]}]}""");
        Assert.Equal(expected, chat.Fetches);
    }

    private static RequestScan Read(Dialects dialect, string json)
    {
        Assert.True(RequestScan.TryRead(Encoding.UTF8.GetBytes(json), dialect, out var scan, out var fault), fault.ToString());
        return scan;
    }
}
