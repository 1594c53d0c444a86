#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tap.h"

static enum address_class class_of(const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_classify((const struct sockaddr *)&in);
	inet_pton(AF_INET6, text, &in6.sin6_addr);
	return address_classify((const struct sockaddr *)&in6);
}

TEST(every_spelling_of_an_inner_address_is_known)
{
	static const struct {
		const char *text;
		enum address_class class;
	} cases[] = {
		{"8.8.8.8", ADDRESS_PUBLIC},
		{"172.15.255.255", ADDRESS_PUBLIC},
		{"172.32.0.0", ADDRESS_PUBLIC},
		{"100.63.255.255", ADDRESS_PUBLIC},
		{"2606:4700::1111", ADDRESS_PUBLIC},
		{"127.0.0.1", ADDRESS_LOOPBACK},
		{"127.255.0.9", ADDRESS_LOOPBACK},
		{"::1", ADDRESS_LOOPBACK},
		{"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
		{"::127.0.0.1", ADDRESS_LOOPBACK},
		{"64:ff9b::7f00:1", ADDRESS_LOOPBACK},
		{"10.1.2.3", ADDRESS_PRIVATE},
		{"172.16.0.1", ADDRESS_PRIVATE},
		{"172.31.255.255", ADDRESS_PRIVATE},
		{"192.168.1.1", ADDRESS_PRIVATE},
		{"100.100.100.200", ADDRESS_PRIVATE},
		{"fc00::1", ADDRESS_PRIVATE},
		{"fd12::1", ADDRESS_PRIVATE},
		{"fec0::1", ADDRESS_PRIVATE},
		{"64:ff9b:1::1", ADDRESS_PRIVATE},
		{"2002:0a01:0203::1", ADDRESS_PRIVATE},
		{"2001:0:53aa:64c:0:0:f5fe:fdfc", ADDRESS_PRIVATE},
		{"169.254.169.254", ADDRESS_LINK_LOCAL},
		{"::ffff:169.254.169.254", ADDRESS_LINK_LOCAL},
		{"64:ff9b::a9fe:a9fe", ADDRESS_LINK_LOCAL},
		{"2002:a9fe:a9fe::", ADDRESS_LINK_LOCAL},
		{"fe80::1", ADDRESS_LINK_LOCAL},
		{"febf::1", ADDRESS_LINK_LOCAL},
		{"fd00:ec2::254", ADDRESS_LINK_LOCAL},
		{"0.0.0.0", ADDRESS_OTHER},
		{"0.1.2.3", ADDRESS_OTHER},
		{"::", ADDRESS_OTHER},
		{"224.0.0.1", ADDRESS_OTHER},
		{"255.255.255.255", ADDRESS_OTHER},
		{"ff02::1", ADDRESS_OTHER},
		{"2001:db8::1", ADDRESS_OTHER},
		{"4000::1", ADDRESS_OTHER},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (class_of(cases[i].text) != cases[i].class)
			tap_fail(t, __FILE__, __LINE__, "%s is class %d", cases[i].text,
				 class_of(cases[i].text));
}

TEST(link_local_is_never_reachable_and_private_only_where_allowed)
{
	CHECK(address_reachable_text("8.8.8.8", ADDRESS_REACH_PUBLIC));
	CHECK(!address_reachable_text("127.0.0.1", ADDRESS_REACH_PUBLIC));
	CHECK(!address_reachable_text("10.0.0.1", ADDRESS_REACH_PUBLIC));
	CHECK(address_reachable_text("10.0.0.1", ADDRESS_REACH_PRIVATE));
	CHECK(address_reachable_text("::1", ADDRESS_REACH_PRIVATE));
	CHECK(!address_reachable_text("169.254.169.254", ADDRESS_REACH_PRIVATE));
	CHECK(!address_reachable_text("fe80::1%eth0", ADDRESS_REACH_PRIVATE));
	CHECK(!address_reachable_text("0.0.0.0", ADDRESS_REACH_PRIVATE));
	CHECK(!address_reachable_text("not an address", ADDRESS_REACH_PRIVATE));
	struct sockaddr a = {.sa_family = AF_UNIX};
	CHECK(!address_reachable(&a, ADDRESS_REACH_PRIVATE));
}

TAP_MAIN(RUN(every_spelling_of_an_inner_address_is_known),
	 RUN(link_local_is_never_reachable_and_private_only_where_allowed))
